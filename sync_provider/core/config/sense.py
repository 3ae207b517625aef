"""What must fit together within one interface: things no single key can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_provider.core.config import sense_increments, sense_loading, sense_writes
from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem, not_one_of
from sync_provider.core.config.sense_hours import check_hours
from sync_provider.core.config.words import PLUGIN_FAULTS, Word, Words, load_plugin
from sync_provider.core.contracts import SourceType


@dataclass(frozen=True, slots=True)
class Names:
    """Which target columns `columns:` makes, as far as YAML can tell.

    Args:
        targets: target name → name under `columns:`.
        renamed: source name → target name, where they differ.
        dropped: source names left out.
    """

    targets: dict[str, str]
    renamed: dict[str, str]
    dropped: frozenset[str]


def check(root: Node, interface: Interface, words: Words, source: SourceType, *, whole: bool) -> list[Problem]:
    """Return what does not fit together in one effective interface.

    Args:
        whole: False when parts were left out as wrong: then nothing is called missing.
    """
    names, problems = _names(root, interface)
    problems += _mode(root, interface, source)
    problems += _where(root, interface, source)
    problems += _catchup(root, interface)
    problems += check_hours(root, interface)
    problems += _write(root, interface) if whole else ()
    problems += sense_writes.check(root, interface, names.targets)
    problems += sense_loading.check(root, interface, words)
    problems += _references(root, interface, words, names)
    problems += _masked(root, interface, words, names)
    problems += _expressions(root, interface)
    if whole and not interface.target.connection:
        fix = "add `target: {connection: <Airflow connection id>}` to the source, or to `defaults:` of project.yaml"
        problems.append(root.find(("target",)).problem("has no target connection", fix, at_key=True))
    return problems


def _names(root: Node, interface: Interface) -> tuple[Names, list[Problem]]:
    targets: dict[str, str] = {}
    problems: list[Problem] = []
    for name, column in interface.columns.items():
        if column.drop:
            continue
        to = column.to or name
        if to in targets:
            message = f"columns {targets[to]!r} and {name!r} both become {to!r}"
            problems.append(root.find(("columns", name, "to")).problem(message, "give one of them another `to:`"))
        targets.setdefault(to, name)
    renamed = {name: c.to for name, c in interface.columns.items() if c.to and c.to != name and c.expr is None}
    dropped = frozenset(name for name, column in interface.columns.items() if column.drop)
    return Names(targets, renamed, dropped), problems


def _mode(root: Node, interface: Interface, source: SourceType) -> Iterator[Problem]:
    if interface.incremental is not None:
        node = root.find(("incremental",))
        if not source.incremental:
            message = f"source type {source.type!r} cannot tell new rows from old ones"
            yield node.problem(message, "remove `incremental:`: each run reads everything", at_key=True)
        elif interface.incremental.strategy not in source.incremental:
            message = not_one_of(interface.incremental.strategy, source.incremental)
            yield root.find(("incremental", "strategy")).problem(f"source type {source.type!r}: {message}")
        yield from sense_increments.check(root, interface.incremental)
        if interface.mode == "full":
            yield root.find(("mode",)).problem("mode: full contradicts `incremental:`", "remove one of the two")
    elif interface.mode == "incremental":
        yield root.find(("mode",)).problem("mode: incremental needs a cursor", "add incremental: {cursor: <column>}")


def _where(root: Node, interface: Interface, source: SourceType) -> Iterator[Problem]:
    if interface.where is not None and not source.where:
        message = f"source type {source.type!r} has no SQL that `where:` could be put in"
        yield root.find(("where",)).problem(message, "write `filter:` instead", at_key=True)


def _catchup(root: Node, interface: Interface) -> Iterator[Problem]:
    schedule = interface.schedule
    if interface.catchup and schedule.kind in ("cron", "interval") and schedule.start is None:
        fix = 'add its first day: `schedule: {…, start: "2026-01-31"}`'
        message = "has no first day to catch up from: the schedule has no `start`"
        yield root.find(("catchup",)).problem(message, fix, at_key=True)


def _write(root: Node, interface: Interface) -> Iterator[Problem]:
    if interface.primary_key:
        return
    if interface.write is None:
        fix = "add `primary_key: [<columns>]` (rows are merged by it) or `write: append` (rows are only added)"
        yield root.problem("says neither `primary_key:` nor `write:`", fix, at_key=True)
    elif interface.write == "merge":
        yield root.find(("write",)).problem("write: merge needs a primary key", "add `primary_key: [<columns>]`")


def _references(root: Node, interface: Interface, words: Words, names: Names) -> Iterator[Problem]:
    """Find columns that are named where only target columns can be."""
    for key in ("primary_key", "order_by"):
        for index, column in enumerate(getattr(interface, key)):
            yield from _reference(column, root.find((key, index)), names)
    for word in (*words.clean, *words.checks):
        for column in word.columns:
            yield from _reference(column, _naming(word, column), names, at_key=True)
    for word in words.mask:
        yield from _reference(word.columns[0], word.node, names, at_key=True)


def _reference(column: str, node: Node, names: Names, *, at_key: bool = False) -> Iterator[Problem]:
    if column in names.targets:
        return
    if column in names.dropped:
        message = f"column {column!r} is dropped under `columns:`"
        yield node.problem(message, "remove it here, or keep the column", at_key=at_key)
    elif column in names.renamed:
        target = names.renamed[column]
        message = f"column {column!r} is called {target!r} once `columns:` has renamed it"
        yield node.problem(message, f"write {target}", at_key=at_key)


def _naming(word: Word, column: str) -> Node:
    """Return where a word's parameters name a column, or the word itself."""
    value = word.node.value
    if isinstance(value, list):
        return next((item for item in value if item.value == column), word.node)
    return word.node.get(column) or word.node


def _expressions(root: Node, interface: Interface) -> Iterator[Problem]:
    """Check conditions and computed columns as far as text alone tells, by the rule that reads the same language."""
    written = [] if interface.filter is None else [(root.find(("filter",)), False)]
    if interface.deletes is not None and interface.deletes.when is not None:
        written.append((root.find(("deletes", "when")), False))
    computed = [name for name, column in interface.columns.items() if column.expr is not None]
    written += [(root.find(("columns", name, "expr")), True) for name in computed]
    for node, may_be_constant in written:
        rule, _ = load_plugin("rules", "expr", node, "rule")
        if rule is None:
            continue
        try:
            rule.parse(node.value)
        except PLUGIN_FAULTS as error:
            message, _, fix = str(error).partition("\n")
            # a rule that reads no column is senseless; a column with one value for all rows is not
            if not (may_be_constant and message.endswith("reads no column")):
                yield node.problem(message, fix.strip().removeprefix("fix: "))


def _masked(root: Node, interface: Interface, words: Words, names: Names) -> Iterator[Problem]:
    masked = {word.columns[0] for word in words.mask}
    new = interface.incremental
    if new is not None and interface.write == "append":
        arrives = names.renamed.get(new.cursor, new.cursor)
        if new.cursor in names.dropped or arrives in masked:
            how = "dropped" if new.cursor in names.dropped else "masked"
            message = f"the cursor {new.cursor!r} is {how}, so rows that are read again would be added twice"
            fix = "keep the cursor as it is, or give a `primary_key:`"
            yield root.find(("incremental", "cursor")).problem(message, fix)
    for word in words.mask:
        if word.columns[0] in interface.primary_key and not word.keeps_equality:
            message = (
                f"{word.columns[0]!r} is in the primary key, and mask {word.plan.method!r} makes different keys equal"
            )
            yield word.node.problem(
                message, f"write {word.columns[0]}: {{method: hmac, key: <connection id>}}", at_key=True
            )
