"""The chunks of a load that are safe in its lasting staging table: what a retry goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from sync_provider.core.contracts import Counters, Session
from sync_provider.core.errors import ContractError
from sync_provider.core.ledger.clock import now
from sync_provider.core.ledger.tables import tables

#: rows of a batch: first and last number, origin, number within the file minus ROW
PlaceRow = tuple[int, int, str, int | None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One committed chunk. Number 0 is written before the staging table is made, and says what the others are of.

    Args:
        basis: what decides whether these rows may be gone on with: configuration, window, columns, files.
        position: `Batch.position` behind its last row; '' where its source has none.
        rows: rows it put into the staging table.
    """

    run_id: str
    number: int
    basis: str = ""
    position: str = ""
    rows: int = 0
    counters: Counters = field(default_factory=Counters)
    rejected_by_rule: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    warned_by_rule: Mapping[str, int] = field(default_factory=dict)
    places: tuple[PlaceRow, ...] = ()


def add(session: Session, schema: str | None, interface: str, token: int, chunk: Chunk, shard: str = "") -> None:
    """Enter a chunk; inside the transaction that holds its rows."""
    rules = {"rejected": {rule: list(told) for rule, told in chunk.rejected_by_rule.items()}}
    values: dict[str, Any] = {
        "interface": interface,
        "shard": shard,
        "run_id": chunk.run_id,
        "token": token,
        "number": chunk.number,
        "basis": chunk.basis,
        "position": chunk.position,
        "rows_staged": chunk.rows,
        "rows_rejected": chunk.counters.rejected,
        "counters": _text(asdict(chunk.counters)),
        "rules": _text({**rules, "warned": dict(chunk.warned_by_rule)}),
        "places": _text(chunk.places),
        "at": now(session),
    }
    session.run(sa.insert(tables(schema).chunk).values(values))


def read(session: Session, schema: str | None, interface: str, run_id: str, shard: str = "") -> list[Chunk]:
    """Return the chunks of a run in order; none where it has left no load half done.

    Raises:
        ContractError: they cannot be read.
    """
    table = tables(schema).chunk
    query = sa.select(table).where(*_same(table, interface, shard), table.c.run_id == run_id).order_by(table.c.number)
    return [_chunk(interface, row) for row in session.rows(query)]


def left(session: Session, schema: str | None, interface: str, shard: str = "") -> bool:
    """Whether any run of an interface has left chunks, and with them, maybe, a staging table."""
    table = tables(schema).chunk
    return bool(session.rows(sa.select(table.c.number).where(*_same(table, interface, shard)).limit(1)))


def close(session: Session, schema: str | None, interface: str, shard: str = "") -> None:
    """Say that the rows of all chunks are in the target: nobody goes on with them; inside that transaction."""
    table = tables(schema).chunk
    session.run(sa.update(table).where(*_same(table, interface, shard), table.c.number == 0).values(basis=""))


def clear(session: Session, schema: str | None, interface: str, shard: str = "") -> None:
    """Forget an interface's chunks."""
    table = tables(schema).chunk
    session.run(sa.delete(table).where(*_same(table, interface, shard)))


def _same(table: sa.Table, interface: str, shard: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.interface == interface, table.c.shard == shard)


def _chunk(interface: str, row: Mapping[str, Any]) -> Chunk:
    try:
        rules = json.loads(row["rules"])
        return Chunk(
            run_id=row["run_id"],
            number=int(row["number"]),
            basis=row["basis"],
            position=row["position"],
            rows=int(row["rows_staged"]),
            counters=Counters(**json.loads(row["counters"])),
            rejected_by_rule={rule: (int(rows), str(first)) for rule, (rows, first) in rules["rejected"].items()},
            warned_by_rule={rule: int(rows) for rule, rows in rules["warned"].items()},
            places=tuple((int(a), int(b), str(origin), shift) for a, b, origin, shift in json.loads(row["places"])),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ContractError(
            f"interface {interface!r}: chunk {row['number']} of run {row['run_id']!r} in _sync_chunk cannot be read: "
            f"{type(error).__name__}",
            fix=f"DELETE FROM _sync_chunk WHERE interface = '{interface}'; the run then begins afresh",
        ) from error


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
