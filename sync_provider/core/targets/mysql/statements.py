"""`pre_sql` and `post_sql` in MySQL: what would commit by itself is refused, for the rows could not be taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sync_provider.core.errors import ConfigError, SyncError
from sync_provider.core.landing.statements import run_statements
from sync_provider.core.systems.mysql.connect import MODES, sql_modes
from sync_provider.core.systems.mysql.session import MySqlSession

_SAVEPOINT = "sync_statements"
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*\n|#[^\n]*\n|/\*(?![!M]).*?\*/|\()+", re.DOTALL)
#: statements that commit what was done before, or end the transaction
_COMMITS = re.compile(
    r"(ALTER|ANALYZE|BEGIN|CACHE|CHANGE|CHECK|COMMIT|CREATE|DROP|FLUSH|GRANT|INSTALL|LOAD\s+INDEX|LOCK|OPTIMIZE|PURGE|"
    r"RENAME|REPAIR|RESET|REVOKE|ROLLBACK|START|STOP|TRUNCATE|UNINSTALL|UNLOCK|XA|"
    r"SET\s+PASSWORD|SET\s+(?:SESSION\s+|@@(?:SESSION\.)?)?AUTOCOMMIT)\b",
    re.IGNORECASE,
)
#: texts and comments, as MySQL's users write them
_TEXTS = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|--[ \t][^\n]*|\#[^\n]*|/\*(?![!M]).*?\*/""", re.DOTALL
)
_ALLOWED = re.compile(r"(CREATE|DROP)\s+TEMPORARY\s+TABLE\b|ROLLBACK\s+TO\b", re.IGNORECASE)
_FIX = "leave it out of the load: run it in a task of its own, or write DELETE where you wrote TRUNCATE"
#: how people who write for MySQL write: "text" is a text and \ escapes
_OURS = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT")


def check_statements(table: str, key: str, statements: Sequence[str]) -> None:
    """Refuse statements that commit. Raises ConfigError."""
    for index, sql in enumerate(statements):
        text = _COMMENTS.sub("", sql)
        found = _COMMITS.match(text)
        if found and not _ALLOWED.match(text):
            word = " ".join(found[0].upper().split())
            raise ConfigError(f"table {table!r}: {key}[{index}]: {word} commits by itself in MySQL", _FIX)


def check_swapped(table: str, statements: Sequence[str]) -> None:
    """Refuse `post_sql` that names the table: the rows are not in it before COMMIT, and after that it is another one.

    Raises:
        ConfigError: it would read, or change, the old rows.
    """
    named = re.compile(rf"(?<![\w$]){re.escape(table)}(?![\w$])", re.IGNORECASE)
    for index, sql in enumerate(statements):
        if named.search(_TEXTS.sub(" ", sql)):
            raise ConfigError(
                f"table {table!r}: post_sql[{index}] names the table, which holds the old rows until the new one is "
                "renamed to it after COMMIT",
                "write `replace: truncate`, or run this statement in a task of its own",
            )


def run_own(session: MySqlSession, table: str, key: str, statements: Sequence[str]) -> None:
    """Execute the user's statements as MySQL's users write them, strict all the same.

    Raises:
        ConfigError: one is wrong, or has ended the transaction, as a procedure may; nothing can be taken back then.
        DataError, AuthenticationError: the server refuses what one does.
    """
    if not statements:
        return
    session.script(f"SAVEPOINT {_SAVEPOINT}")
    session.script(f"SET SESSION sql_mode = '{sql_modes(tuple(mode for mode in MODES if mode not in _OURS))}'")
    try:
        run_statements(session, table, key, statements)
    finally:
        _restore(session)
    try:
        session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    except ConfigError as error:
        raise ConfigError(f"table {table!r}: one of {key} commits by itself", _FIX, error.code) from error


def _restore(session: MySqlSession) -> None:
    try:
        session.script(f"SET SESSION sql_mode = '{sql_modes(MODES)}'")
    except SyncError:
        return  # the session is stopped or gone; nothing more is done on it
