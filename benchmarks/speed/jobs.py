"""The jobs: what of ours runs, what it is measured against, and what the target must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.speed import data, limits
from benchmarks.speed.arena import Arena
from benchmarks.speed.measure import Pipe

_PG = """\
source: {type: postgres, connection: shop}
target: {connection: dwh, schema: ods}
interfaces:
  orders:
    table: orders
"""
_DIRECT = "    write: append\n    load: direct\n"
_CHECKS = """\
    checks:
      - not_null: [customer_name]
      - regex: {email: '^[^@\\s]+@[^@\\s]+\\.[a-z]+$'}
      - range: {amount: {min: 0, max: 1000000}}
      - in: {status: [new, paid, shipped, done, closed]}
      - expr: "length(phone) = 11"
        name: phone_length
      - range: {ordered_on: {min: "2024-01-01"}}
"""
_MAPPED = """\
    columns:
      customer_id: {to: buyer_id, type: bigint}
      customer_name: {to: buyer}
      freight: {type: "decimal(14,4)"}
"""
#: the checks name columns of the target
_CHECKS_MAPPED = _CHECKS.replace("customer_name", "buyer")
_MASK = "    mask: {email: {partial: {as: email}}, phone: {partial: {as: phone}}}\n"
_CSV = """\
source: {type: file, path: $FOLDER}
target: {connection: dwh, schema: ods}
interfaces:
  orders:
    files: orders.csv
    columns:
      order_id: {type: bigint}
      customer_id: {type: integer}
      shop_id: {type: integer}
      amount: {type: "decimal(12,2)"}
      freight: {type: "decimal(12,2)"}
      paid: {type: boolean}
      ordered_on: {type: date}
      updated_at: {type: timestamptz}
"""
_RENAMED = data.NAMES.replace("customer_id", "buyer_id").replace("customer_name", "buyer")
_BAD = f"NOT ({limits.GOOD})"


@dataclass(frozen=True, slots=True)
class Content:
    """What a target must hold.

    Args:
        rows: what stands behind FROM in the source database.
        names: the columns compared, as both call them.
    """

    rows: str = "orders"
    names: str = data.NAMES


@dataclass(frozen=True, slots=True)
class Limit:
    """What a job is measured against.

    Args:
        shape: job whose table it fills, '' = its own.
    """

    commands: Callable[[Arena], list[Pipe]]
    content: Content = field(default_factory=Content)
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """The least a ratio of ours to a limit may be: limit's cost by ours.

    Args:
        of: cpu | wall.
    """

    limit: str
    least: float
    of: str = "cpu"


@dataclass(frozen=True, slots=True)
class Job:
    """One job of ours and its limits.

    Args:
        yaml: our source file; its interface is `orders`.
        bars: figure → bar.
        bad: condition in the source of the rows that go to quarantine, '' = none.
        reads: what stands behind FROM for the rows that are read.
        rss_mb: most memory of ours.
        filled: the target holds all rows before the run.
        shaped: SQL for the table of ours that limits fill, as `{table}`.
        slow: left out by `bench-quick`.
        six: whether our six stages run one after the other, as Airflow's tasks do.
    """

    name: str
    yaml: str
    limits: Mapping[str, Limit]
    bars: Mapping[str, Bar]
    content: Content = field(default_factory=Content)
    bad: str = ""
    reads: str = "orders"
    rss_mb: int = 350
    filled: bool = False
    shaped: str = ""
    slow: bool = False
    six: bool = False


def _merged(changed: str) -> Content:
    same = "SELECT 1 FROM changed c WHERE c.order_id = o.order_id"
    rest = f"SELECT {data.NAMES} FROM orders o WHERE NOT EXISTS ({same})"
    changed = f"SELECT {data.NAMES} FROM orders_changed WHERE {changed}"
    return Content(f"(WITH changed AS ({changed}) SELECT * FROM changed UNION ALL {rest}) AS merged")


_PIPE = {"pipe": Limit(limits.pipe)}
_CHECKED = Content(f"(SELECT {limits.MAPPED} FROM orders WHERE {limits.GOOD}) AS good", _RENAMED)

JOBS = (
    Job("pg_pg_direct", f"{_PG}{_DIRECT}", _PIPE, {"pg_pg_direct": Bar("pipe", 0.9)}),
    Job("pg_pg_replace", f"{_PG}    write: replace\n    load: staged\n", _PIPE, {"pg_pg_replace": Bar("pipe", 0.55)}),
    Job(
        "pg_pg_merge",
        f"{_PG}    primary_key: order_id\n    load: staged\n",
        _PIPE,
        {"pg_pg_merge": Bar("pipe", 0.55)},
        slow=True,
    ),
    Job(
        "pg_pg_checks",
        f"{_PG}{_DIRECT}{_MAPPED}{_CHECKS_MAPPED}{_MASK}",
        {"sql": Limit(limits.sql_pipes, _CHECKED), "pipe": Limit(limits.pipe, shape="pg_pg_direct")},
        {"pg_pg_checks_sql": Bar("sql", 0.85), "pg_pg_checks_pipe": Bar("pipe", 0.42)},
        content=_CHECKED,
        bad=_BAD,
    ),
    Job(
        "my_pg",
        f"{_PG}{_DIRECT}".replace("type: postgres, connection: shop", "type: mysql, connection: shop_my"),
        {"pipe": Limit(limits.mariadb_pipe)},
        {"my_pg": Bar("pipe", 0.95)},
        rss_mb=450,
    ),
    Job(
        "csv_pg",
        f"{_CSV}{_DIRECT}{_CHECKS}",
        {"copy": Limit(limits.copy_csv)},
        {"csv_pg": Bar("copy", 1.0), "csv_pg_wall": Bar("copy", 1.0, "wall")},
        content=Content(f"(SELECT * FROM orders WHERE {limits.GOOD}) AS good"),
        bad=_BAD,
        shaped=limits.CSV_DEFAULTS,
    ),
    Job(
        "pg_my",
        f"{_PG}{_DIRECT}".replace("{connection: dwh, schema: ods}", "{connection: dwh_my}"),
        {"load_data": Limit(limits.load_data)},
        {"pg_my": Bar("load_data", 0.8)},
        rss_mb=450,
    ),
    Job(
        "merge5",
        _PG.replace("table: orders", "table: orders_changed") + f"    primary_key: order_id\n{_CHECKS}",
        {"upsert": Limit(limits.upsert, _merged("true"))},
        {"merge5": Bar("upsert", 0.55)},
        content=_merged(limits.GOOD),
        bad=_BAD,
        reads="orders_changed",
        filled=True,
    ),
)

#: not measured against anything: what starting costs, and whether memory grows with the rows
EMPTY = Job(
    "empty",
    f"{_PG}{_DIRECT}".replace("table: orders", "table: orders_empty"),
    {"pipe": Limit(limits.empty_pipe, Content("orders_empty"))},
    {},
    content=Content("orders_empty"),
    reads="orders_empty",
)
FOURFOLD = Job(
    "fourfold",
    f"{_PG}{_DIRECT}".replace(
        "table: orders", f'query: "SELECT {data.NAMES} FROM orders, generate_series(1, 4)"'
    ),
    {},
    {},
    content=Content("orders, generate_series(1, 4)"),
    reads="orders, generate_series(1, 4)",
)  # fmt: skip
#: the six checks without a mask: with one, all stages run before anything is staged
FUSED_CUT, STAGED_CUT = (
    Job(
        name,
        f"{_PG}{_DIRECT}{_CHECKS}",
        {},
        {},
        content=Content(f"(SELECT * FROM orders WHERE {limits.GOOD}) AS good"),
        bad=_BAD,
        six=name == "staged_cut",
    )
    for name in ("fused_cut", "staged_cut")
)
#: merge5's target before the run, loaded by ourselves
BASE = f"{_PG}    primary_key: order_id\n"
