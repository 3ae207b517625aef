"""What the expression language takes, what it refuses and in which words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import parse_type
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.expressions import parse
from sync_provider.core.expressions.functions import FUNCTIONS

TYPES = {
    name: parse_type(spelling)
    for name, spelling in {
        "amount": "decimal(12,2)", "qty": "int", "t": "text", "made": "timestamp", "at": "timestamptz",
        "day": "date", "ok": "boolean", "n": "numeric", "客户": "text", "order": "int", "f": "double",
    }.items()
}  # fmt: skip


def _error(text: Any) -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse(text).condition(TYPES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "columns", "result"),
    [
        ("made is null or day >= date '2026-01-01'", ("made", "day"), "boolean"),
        ("t in ('a', 'b') and not (qty between 1 and -2)", ("t", "qty"), "boolean"),
        ("case when qty > 1 then 'many' else t end", ("qty", "t"), "text"),
        ('客户 || "t"', ("客户", "t"), "text"),
        ('"order" * 2', ("order",), "bigint"),
        ("amount * 1.1", ("amount",), "decimal(38,3)"),
        ("round(f * 1.1, 2)", ("f",), "double"),
        ("n > 5", ("n",), "boolean"),
        ("at > timestamptz '2026-01-01 00:00:00'", ("at",), "boolean"),
        ("extract(year from day) = 2026", ("day",), "boolean"),
        ("cast(qty as text)", ("qty",), "text"),
        ("made + interval '1 day'", ("made",), "timestamp"),
    ],
)
def test_row_expressions_have_columns_and_a_type(text: str, columns: tuple[str, ...], result: str) -> None:
    expression = parse(text)
    assert expression.columns == columns
    kind = expression.compile(TYPES).result
    assert str(kind) == result or (result == "bigint" and kind.kind == "int32")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amuont > 0", "unknown column 'amuont' at character 1; did you mean 'amount'?"),
        ("qty > 1 and lenght(t) > 3", "unknown function 'lenght' at character 13; did you mean 'length'?"),
        ("sum(amount) > 3", "sum() at character 1 looks at more than one row"),
        ("count(*) > 1", "count() at character 1 looks at more than one row"),
        ("row_number() over () = 1", "row_number() at character 1 looks at more than one row"),
        ("qty in (select 1)", "a subquery reads other rows"),
        ("exists(select 1)", "exists() at character 1 reads other rows"),
        ("made < now()", "now() at character 8 changes from run to run"),
        ("made < current_timestamp", "current_timestamp() at character 8 changes from run to run"),
        ("read_csv('/etc/passwd') = 1", "unknown function 'read_csv' at character 1"),
        ("md5(t) = 'x'", "fix: use `mask: {column: hmac}`"),
        ("t > 5", "'t' is text and is compared with the number 5\n  fix: write cast(t as double)"),
        ("t in (1, 2)", "'t' is text and is compared with the number 1"),
        ("qty = '5'", "'qty' is integer and is compared with the text '5'"),
        ("made > '2026-01-01'", "fix: write it as timestamp '2026-01-31 10:00:00'"),
        ("day between '2026-01-01' and '2026-02-01'", "fix: write it as date '2026-01-31'"),
        ("cast(t as date) > day", "fix: give the column `type: date` under `columns:`"),
        ("cast(t as decimal) > 1", "fix: write decimal(18,2)"),
        ("cast(t as foo) > 1", "unknown type 'foo'"),
        ("left(cast(qty as varchar(2)), 1) = 'a'", "does not shorten texts"),
        ("qty::text = '1'", "'::' is not offered at character 4"),
        ("t ~ '^a'", "fix: write regexp_like(column, 'pattern')"),
        ("regexp_like(t, '(')", "regex"),
        ("ok is true", "fix: write coalesce(ok, FALSE)".replace("FALSE", "false")),
        ("orders.qty > 1", "'orders.qty' has a table name"),
        ("qty > 1 -- why", "a comment in an expression"),
        ("qty /* why */ > 1", "a comment in an expression"),
        ("qty > 1; drop table x", "`;` separates statements"),
        ("qty > 1 as big", "write a single expression"),
        ("select 1", "a query reads other rows"),
        ("qty >", "something is missing near '>' at character 5"),
        ("(qty > 1", "a bracket is not closed"),
        ("t = 'x", "ends inside a quote"),
        ("amount", "'amount' gives decimal(12,2), not true or false"),
        ("day - day", "which no column can hold"),
        ("$$x$$ = t", "'$$' quoting is not offered"),
        ("qty > ?", "placeholders are not filled in"),
        ("", "an SQL expression is expected, got ''"),
        (["qty > 1"], "an SQL expression is expected"),
    ],
)
def test_what_is_refused_and_in_which_words(text: Any, said: str) -> None:
    assert said in _error(text)


def test_a_cast_that_cannot_be_done_stops_no_other_row() -> None:
    expression = parse("cast(t as int) + cast(left(t, 1) as int) > 3")
    frame = pl.DataFrame({"t": ["12", "x1", None, "1x"]}, schema={"t": pl.String})
    types = {"t": TYPES["t"]}
    made = expression.condition(types)
    assert frame.select(made.value).to_series().to_list() == [True, None, None, None]
    outer, inner = made.guards
    assert frame.select(outer.failed).to_series().to_list() == [False, True, False, True]
    assert frame.select(inner.failed).to_series().to_list() == [False, True, False, False]
    assert (outer.columns, outer.said) == (("t",), "is not int")


def test_try_cast_gives_null_and_is_not_told() -> None:
    assert parse("try_cast(t as int) > 3").compile({"t": TYPES["t"]}).guards == ()


@pytest.mark.parametrize("name", sorted(FUNCTIONS - {"cast", "try_cast"}))
def test_every_function_offered_runs_and_sees_one_row(name: str) -> None:
    text = _CALLS.get(name, f"{name}(t)")
    frame = pl.DataFrame(
        {
            "t": ["abc", "xyz", "abc"],
            "qty": [1, 2, 1],
            "f": [0.5, 2.0, 0.5],
            "made": ["2026-01-01", "2026-06-15", "2026-01-01"],
        }
    ).with_columns(pl.col("made").str.to_datetime("%Y-%m-%d"), pl.col("qty").cast(pl.Int32))
    types = {name: TYPES[name] for name in frame.columns}
    assert frame.schema == {name: row_type(kind) for name, kind in types.items()}
    expression = parse(text).compile(types).value
    together = frame.with_columns(expression.alias("r"))["r"].to_list()
    alone = [frame[i : i + 1].with_columns(expression.alias("r"))["r"].item() for i in range(3)]
    assert together == alone


_NUMERIC = dict.fromkeys("abs ceil ceiling floor round sign sqrt exp ln log2 log10".split(), "{}(f)")  # noqa: SIM905
_TIMES = dict.fromkeys("year quarter month week day hour minute second".split(), "{}(made)")  # noqa: SIM905
_CALLS = {name: call.format(name) for name, call in {**_NUMERIC, **_TIMES}.items()} | {
    "power": "power(f, 2)", "pow": "pow(f, 2)", "mod": "mod(qty, 2)",
    "greatest": "greatest(f, 1)", "least": "least(f, 1)", "coalesce": "coalesce(t, 'x')", "ifnull": "ifnull(t, 'x')",
    "nullif": "nullif(qty, 1)", "if": "if(qty > 1, 'a', 'b')", "replace": "replace(t, 'a', 'b')",
    "substr": "substr(t, 1, 2)", "substring": "substring(t, 1, 2)", "left": "left(t, 1)", "right": "right(t, 1)",
    "lpad": "lpad(t, 5, '0')", "rpad": "rpad(t, 5, '0')", "concat": "concat(t, '-', t)",
    "concat_ws": "concat_ws('-', t, t)", "starts_with": "starts_with(t, 'a')", "ends_with": "ends_with(t, 'c')",
    "strpos": "strpos(t, 'b')", "position": "position('b' in t)", "split_part": "split_part(t, 'b', 1)",
    "regexp_like": "regexp_like(t, '^a')", "regexp_replace": "regexp_replace(t, 'a', 'b')",
    "extract": "extract(year from made)", "date_part": "date_part('year', made)", "strftime": "strftime(made, '%Y')",
}  # fmt: skip


def test_parsing_imports_no_engine() -> None:
    code = (
        "import sys; from sync_provider.core.expressions import parse; from sync_provider.core import registry\n"
        "parse('a > 1')\n"
        "for kind in ('rules', 'cleaners', 'masks'):\n"
        "    for name in registry.names(kind): registry.load(kind, name)\n"
        "registry.load('rules', 'regex').parse({'a': '^x$'}); registry.load('rules', 'expr').parse('a > 1')\n"
        "print([name for name in ('polars', 'pyarrow', 'airflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
