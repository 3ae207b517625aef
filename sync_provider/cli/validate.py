"""`sync-provider validate`: every mistake of every file at once."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_provider.cli.projects import EMPTY, from_here

if TYPE_CHECKING:
    from sync_provider.core.plan import Problem, Project

HELP = "check all YAML files and show every mistake with its place"
_HIDDEN = ("excerpt", "caret")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--format", choices=["text", "json", "github"], default="text", help="how to show problems")


def run(args: argparse.Namespace) -> int:
    """Return 0 when there is no error, else 1."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    errors = (*project.problems, *deep_problems(project))
    found = [from_here(problem, project.root) for problem in (*errors, *project.warnings)]
    if args.format == "json":
        print(json.dumps(_as_json(project, found), ensure_ascii=False, indent=2))
    elif args.format == "github":
        print("\n".join([*map(_annotation, found), summary(project, len(errors))]))
    else:
        noted = [f"note: {text}" for text in notes(project)]
        print("\n".join([*(problem.text() for problem in found), *noted, summary(project, len(errors))]))
    return 1 if errors else 0


def deep_problems(project: Project) -> list[Problem]:
    """Return what only shows when all words of a plan are looked at together, such as `unique` on a redacted column."""
    from sync_provider.core.config.templates import placed
    from sync_provider.core.engine.preflight import problems

    found = []
    for source in project.sources:
        for plan in source.plans:
            root = source.roots[plan.interface]
            for path, sentence in problems(plan):
                message, _, fix = sentence.partition("\n  fix: ")
                found.append(placed(root.find(_steps(path)).problem(message, fix), root))
    return found


def _steps(path: str) -> tuple[str | int, ...]:
    """`checks[1].range` → ("checks", 1, "range")."""
    words = re.findall(r"[^.\[\]]+", path)
    return tuple(int(word) if word.isdigit() else word for word in words)


def summary(project: Project, problems: int) -> str:
    """Return `N sources, M interfaces, K problems`."""
    interfaces = sum(len(source.interfaces) for source in project.sources)
    parts = [(len(project.sources), "source"), (interfaces, "interface"), (problems, "problem")]
    parts += [(len(project.warnings), "warning")] if project.warnings else []
    return ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in parts)


def notes(project: Project) -> list[str]:
    """Return what one should know: an empty project, a source type whose promise is weaker than exactly once."""
    if not project.sources and not project.problems:
        return [EMPTY]
    used: dict[tuple[str, str], list[str]] = {}
    for source in project.sources:
        if source.guarantees:
            used.setdefault((source.type, source.guarantees), []).append(source.id)
    return [f"{kind} ({_few(ids)}): {text}" for (kind, text), ids in used.items()]


def _few(ids: list[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _as_json(project: Project, found: list[Problem]) -> dict[str, object]:
    shown = [_plain(asdict(problem)) for problem in found]
    return {
        "sources": len(project.sources),
        "interfaces": sum(len(source.interfaces) for source in project.sources),
        "problems": shown,
        "notes": notes(project),
    }


def _plain(problem: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is only drawn; `template` is there where a template has a part in it."""
    values = {name: value for name, value in problem.items() if name not in (*_HIDDEN, "template")}
    return {**values, "template": _plain(problem["template"])} if problem["template"] else values


def _annotation(problem: Problem) -> str:
    """Return a GitHub workflow command; `%`, line ends, and in properties `:` and `,`, are escaped."""
    place = f"file={_escaped(problem.file)},line={problem.line},col={problem.column}"
    title = _escaped(problem.path or "file")
    origin = f" ({problem.template.where()})" if problem.template else ""
    message = f"{problem.message}{origin}" + (f"; fix: {problem.fix}" if problem.fix else "")
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{problem.severity} {place},title={title}::{text}"


def _escaped(text: str) -> str:
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(character, code)
    return text
