"""Every source keeps the contract: files, SQLite, PostgreSQL, MariaDB, and two of them through SQLAlchemy."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo, Plan, SchedulePlan, SourcePlan, TargetPlan
from sync_provider.core.sources import file, mysql, postgres, sql, sqlite
from sync_provider.core.systems.mysql.names import quote as my_quote
from sync_provider.core.systems.names import quote
from sync_provider.testing.increment_contracts import FlagContract, KeyContract
from sync_provider.testing.source_contract import IncrementContract, SourceContract
from tests.services import mariadb as my
from tests.services.postgres import execute


def make_plan(name: str, source: SourcePlan) -> Plan:
    """Return a plan that reads `name` in full and goes nowhere."""
    target = TargetPlan("nowhere", name)
    return Plan("lib", "src", name, source, target, "full", "append", SchedulePlan("manual"))


@dataclass
class FileArena:
    """Files in a folder."""

    folder: Path
    source = file.SOURCE
    big_rows = 60_000

    def connections(self, name: str) -> ConnectionInfo:
        raise AssertionError("files need no connection")

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        with (self.folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerow(columns)
            out.writelines(",".join(map(_cell, row)) + "\n" for row in rows)

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("file", None, {"path": str(self.folder), "files": f"{name}.csv"}))


def _cell(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


@dataclass
class PostgresArena:
    """Tables in a PostgreSQL database."""

    info: ConnectionInfo
    source = postgres.SOURCE
    big_rows = 60_000

    def connections(self, name: str) -> ConnectionInfo:
        return self.info

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        table = quote(name)
        shape = ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())
        execute(self.info, f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({shape})")
        if len(rows) > 1000:
            sql = "SELECT n, repeat(lpad(n::text, 7, '0'), 140) FROM generate_series(0, {}) AS n"
            execute(self.info, f"INSERT INTO {table} {sql.format(len(rows) - 1)}")
            return
        marks = ", ".join(f"%s::{kind}" for kind in columns.values())
        for row in rows:
            execute(self.info, f"INSERT INTO {table} VALUES ({marks})", list(row))

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("postgres", "pg", {"schema": "public"}))


@dataclass
class SqliteArena:
    """Tables in a SQLite file."""

    info: ConnectionInfo
    source = sqlite.SOURCE
    big_rows = 60_000

    def connections(self, name: str) -> ConnectionInfo:
        return self.info

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        connection = sqlite3.connect(self.info.host or "")
        with connection:
            connection.execute(f"DROP TABLE IF EXISTS {quote(name)}")
            shape = ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {quote(name)} ({shape})")
            connection.executemany(f"INSERT INTO {quote(name)} VALUES ({', '.join('?' * len(columns))})", rows)
        connection.close()

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("sqlite", "lite", {}))


@dataclass
class MySqlArena:
    """Tables in a MariaDB database."""

    info: ConnectionInfo
    source = mysql.SOURCE
    big_rows = 60_000

    def connections(self, name: str) -> ConnectionInfo:
        return self.info

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        table = my_quote(name)
        kinds = {"text": "longtext", "bigint": "bigint", "timestamp": "datetime"}
        shape = ", ".join(f"{my_quote(column)} {kinds[kind]}" for column, kind in columns.items())
        my.execute(self.info, f"DROP TABLE IF EXISTS {table}")
        my.execute(self.info, f"CREATE TABLE {table} ({shape})")
        if len(rows) > 1000:
            sql = f"SELECT seq, repeat(lpad(seq, 7, '0'), 140) FROM seq_0_to_{len(rows) - 1}"
            my.execute(self.info, f"INSERT INTO {table} {sql}")
            return
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            my.execute(self.info, f"INSERT INTO {table} VALUES ({marks})".replace("%c", "%%c"), list(row))

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("mysql", "my", {}))


@dataclass
class SqlOnPostgresArena(PostgresArena):
    """Tables in a PostgreSQL database, read through SQLAlchemy and psycopg."""

    source = sql.SOURCE
    big_rows = 20_000

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("sql", "pg", {"schema": "public", "dialect": "postgresql+psycopg"}))


@dataclass
class SqlOnSqliteArena(SqliteArena):
    """Tables in a SQLite file, read through SQLAlchemy; times are text there, so it has no increments by time."""

    source = replace(sql.SOURCE, incremental=())
    big_rows = 20_000

    def plan(self, name: str) -> Plan:
        return make_plan(name, SourcePlan("sql", "lite", {}))


class TestFile(SourceContract):
    @pytest.fixture
    def arena(self, tmp_path: Path) -> FileArena:
        return FileArena(tmp_path)


class TestPostgres(IncrementContract, KeyContract, FlagContract):
    @pytest.fixture
    def arena(self, postgres: ConnectionInfo) -> PostgresArena:
        return PostgresArena(postgres)


class TestSqlite(IncrementContract, KeyContract, FlagContract):
    @pytest.fixture
    def arena(self, sqlite: ConnectionInfo) -> SqliteArena:
        sqlite3.connect(sqlite.host or "").close()
        return SqliteArena(sqlite)


class TestMySql(IncrementContract):
    @pytest.fixture
    def arena(self, mariadb: ConnectionInfo) -> MySqlArena:
        return MySqlArena(mariadb)


class TestSqlOnPostgres(IncrementContract):
    @pytest.fixture
    def arena(self, postgres: ConnectionInfo) -> SqlOnPostgresArena:
        return SqlOnPostgresArena(postgres)


class TestSqlOnSqlite(SourceContract):
    @pytest.fixture
    def arena(self, sqlite: ConnectionInfo) -> SqlOnSqliteArena:
        sqlite3.connect(sqlite.host or "").close()
        return SqlOnSqliteArena(sqlite)
