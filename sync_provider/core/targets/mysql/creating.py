"""How a table in MySQL is created for a load: types that hold what the source holds, keys that fit an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_provider.core.contracts import ColumnType, LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.stage import DELETED_AT, metadata_columns
from sync_provider.core.systems.mysql.names import listed, qualified, quote

#: longest name in characters; counted in bytes nobody is wrong
MAX_IDENTIFIER = 64
#: equal is what is the same to the byte; a trailing space counts. Each server reads its own comment
OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */"
META = {"_sync_run_id": "varchar(255)", "_synced_at": "timestamp(6) NULL", DELETED_AT: "timestamp(6) NULL"}
_TYPES = {
    "int16": "smallint", "int32": "int", "int64": "bigint", "float32": "float", "float64": "double",
    "boolean": "boolean", "date": "date", "time": "time(6)", "timestamp": "datetime(6)", "timestamptz": "timestamp(6)",
    "uuid": "char(36)", "json": "json",
}  # fmt: skip
#: what the server can hold of a decimal
_DIGITS, _SCALE = 65, 30
#: characters of all text columns of a key together; and what one gets that says no length
_KEY_CHARS, _KEY_TEXT = 768, 255
#: bytes of a row that may go to texts with a length: a row has 65,535, other columns want some
_ROW_BYTES = 40_000
_BYTES_PER_CHAR = 4


def create_sql(spec: LoadSpec) -> list[str]:
    """Return the statements that create database and table for `spec`; safe to run again.

    Raises:
        ConfigError: a name is too long for the server.
    """
    check_names([spec.table, *([spec.schema] if spec.schema else []), *spec.columns])
    key = spec.primary_key if spec.write != "append" else ()
    wide = _is_wide(spec.columns)
    columns = [_column(name, kind, key, wide, spec.columns) for name, kind in spec.columns.items()]
    columns += [f"{quote(name)} {META[name]}" for name in metadata_columns(spec)]
    if key:
        columns.append(f"PRIMARY KEY ({listed(key)})")
    made = f"CREATE TABLE IF NOT EXISTS {qualified(spec.schema, spec.table)} (\n  " + ",\n  ".join(columns)
    schema = [f"CREATE SCHEMA IF NOT EXISTS {quote(spec.schema)}"] if spec.schema else []
    return [*schema, f"{made}\n) {OPTIONS}"]


def check_names(names: Iterable[str]) -> None:
    """Refuse names the server does not take. Raises ConfigError."""
    for name in names:
        if len(name) > MAX_IDENTIFIER:
            raise ConfigError(
                f"name {name!r} is {len(name)} characters long; MySQL takes {MAX_IDENTIFIER}",
                "shorten it, for a column with `columns: {name: {to: shorter}}`",
            )
        if name.endswith(" "):
            raise ConfigError(f"name {name!r} ends with a space, which MySQL does not take", "give it another name")


def _is_wide(columns: Mapping[str, ColumnType]) -> bool:
    """Whether the texts with a length are too many for one row."""
    lengths = [kind.length or 0 for kind in columns.values() if kind.kind == "text"]
    return sum(lengths) * _BYTES_PER_CHAR > _ROW_BYTES


def _column(name: str, kind: ColumnType, key: tuple[str, ...], wide: bool, columns: Mapping[str, ColumnType]) -> str:
    if name in key:
        return f"{quote(name)} {_key_type(kind, key, columns)} NOT NULL"
    spelled = _type(kind)
    if kind.kind == "text" and kind.length and wide:
        return f"{quote(name)} longtext CHECK (char_length({quote(name)}) <= {kind.length})"
    # without NULL written out an old server gives a timestamp the time of each change
    return f"{quote(name)} {spelled} NULL"


def _key_type(kind: ColumnType, key: tuple[str, ...], columns: Mapping[str, ColumnType]) -> str:
    if kind.kind == "binary":
        return f"varbinary({_KEY_TEXT})"
    if kind.kind not in ("text", "other"):
        return _type(kind)
    texts = [columns[name] for name in key if columns[name].kind in ("text", "other")]
    told = sum(text.length or 0 for text in texts)
    free = (_KEY_CHARS - told) // max(1, sum(not text.length for text in texts))
    return f"varchar({kind.length or max(1, min(_KEY_TEXT, free))})"


def _type(column: ColumnType) -> str:
    """Return the type of a new column: the same values, without the source's bounds where it had none."""
    if column.kind == "text":
        return f"varchar({column.length})" if column.length and column.length <= _ROW_BYTES // 4 else "longtext"
    if column.kind == "decimal":
        if not column.precision:
            return f"decimal({_DIGITS},{_SCALE})"
        scale = min(column.scale or 0, _SCALE)
        return f"decimal({min(column.precision, _DIGITS)},{scale})"
    if column.kind == "binary":
        return "longblob"
    return _TYPES.get(column.kind, "longtext")
