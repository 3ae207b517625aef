"""The limits: what the servers' own tools do for the same work, as shell pipes; our two columns are constants."""

from __future__ import annotations

from benchmarks.speed import data
from benchmarks.speed.arena import Arena
from benchmarks.speed.measure import Pipe

_RUN_ID, _AT = "cli__2026-11-24T00:00:00.000+00:00", "2026-11-24 00:00:00"
_META = f"'{_RUN_ID}'::text AS _sync_run_id, timestamptz '{_AT}+00' AS _synced_at"
#: the six checks in SQL: what is said → condition of a good row
RULES = {
    "not_null(customer_name)": "customer_name IS NOT NULL",
    "regex(email)": r"coalesce(email ~ '^[^@\s]+@[^@\s]+\.[a-z]+$', true)",
    "range(amount)": "amount BETWEEN 0 AND 1000000",
    "in(status)": "status IN ('new', 'paid', 'shipped', 'done', 'closed')",
    "phone_length": "coalesce(length(phone) = 11, true)",
    "range(ordered_on)": "ordered_on >= date '2024-01-01'",
}
GOOD = " AND ".join(RULES.values())
#: rename, cast and mask in SQL
MAPPED = (
    data.NAMES.replace("customer_id", "customer_id::bigint AS buyer_id")
    .replace("customer_name", "customer_name AS buyer")
    .replace("freight", "freight::numeric(14,4) AS freight")
    .replace("email", "left(email, 1) || '***@' || split_part(email, '@', 2) AS email")
    .replace("phone", "left(phone, 3) || '****' || right(phone, 4) AS phone")
)
#: COPY FROM a file has no constants: defaults of the columns are them
CSV_DEFAULTS = (
    f"ALTER TABLE {{table}} ALTER _sync_run_id SET DEFAULT '{_RUN_ID}', ALTER _synced_at SET DEFAULT '{_AT}+00'"
)
_INTO = "COPY ods.orders FROM STDIN (FORMAT binary)"


def pipe(arena: Arena, rows: str = "orders") -> list[Pipe]:
    """Return `psql COPY binary | psql COPY binary`."""
    out = f"COPY (SELECT {data.NAMES}, {_META} FROM {rows}) TO STDOUT (FORMAT binary)"
    return [[arena.pg.psql("shop", out), arena.pg.psql("dwh", _INTO)]]


def empty_pipe(arena: Arena) -> list[Pipe]:
    """Return the same of no rows."""
    return pipe(arena, "orders_empty")


def sql_pipes(arena: Arena) -> list[Pipe]:
    """Return rename, cast, mask and checks in SQL: a pipe of good rows, then one of rejected rows with reasons."""
    good = f"COPY (SELECT {MAPPED}, {_META} FROM orders WHERE {GOOD}) TO STDOUT (FORMAT binary)"
    reasons = ", ".join(f"CASE WHEN NOT ({rule}) THEN '{name}' END" for name, rule in RULES.items())
    rows = f"SELECT {MAPPED}, concat_ws(', ', {reasons}) AS reasons FROM orders WHERE NOT ({GOOD})"
    bad = f"COPY (SELECT order_id, row_to_json(o)::text FROM ({rows}) AS o) TO STDOUT (FORMAT binary)"
    table = "CREATE TABLE ods.rejected (order_id bigint, data text)"
    aside = arena.pg.psql("dwh", table, "\\copy ods.rejected FROM pstdin (FORMAT binary)")
    return [[arena.pg.psql("shop", good), arena.pg.psql("dwh", _INTO)], [arena.pg.psql("shop", bad), aside]]


def mariadb_pipe(arena: Arena) -> list[Pipe]:
    """Return `mariadb --quick -B | psql COPY`; no text of the data is NULL's own word."""
    meta = f"'{_RUN_ID}' AS _sync_run_id, '{_AT}' AS _synced_at"
    read = arena.my.client("shop", "--quick", "-B", "-N", "-e", f"SELECT {data.NAMES}, {meta} FROM orders")
    return [[read, arena.pg.psql("dwh", "COPY ods.orders FROM STDIN (NULL 'NULL')")]]


def copy_csv(arena: Arena) -> list[Pipe]:
    """Return `COPY FROM csv`."""
    return [[arena.pg.psql("dwh", f"\\copy ods.orders ({data.NAMES}) FROM '{arena.csv}' CSV HEADER")]]


def load_data(arena: Arena) -> list[Pipe]:
    """Return `psql COPY | LOAD DATA LOCAL`."""
    meta = f"'{_RUN_ID}'::text AS _sync_run_id, timestamp '{_AT}' AS _synced_at"
    names = f"{data.NAMES}, _sync_run_id, _synced_at"
    load = f"LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE orders CHARACTER SET utf8mb4 ({names})"
    out = arena.pg.psql("shop", f"COPY (SELECT {data.FOR_MARIADB}, {meta} FROM orders) TO STDOUT")
    return [[out, arena.my.client("dwh", "--local-infile=1", "-e", load)]]


def upsert(arena: Arena) -> list[Pipe]:
    """Return COPY into a temporary table, then ON CONFLICT."""
    out = f"COPY (SELECT {data.NAMES}, {_META} FROM orders_changed) TO STDOUT (FORMAT binary)"
    names = [*data.COLUMNS, "_sync_run_id", "_synced_at"]
    listed = ", ".join(names)
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name != "order_id")
    into = [
        "BEGIN",
        "CREATE TEMP TABLE changed (LIKE ods.orders) ON COMMIT DROP",
        "\\copy changed FROM pstdin (FORMAT binary)",
        f"INSERT INTO ods.orders ({listed}) SELECT {listed} FROM changed ON CONFLICT (order_id) DO UPDATE SET {sets}",
        "COMMIT",
    ]
    return [[arena.pg.psql("shop", out), arena.pg.psql("dwh", *into)]]
