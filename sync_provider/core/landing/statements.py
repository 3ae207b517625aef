"""`pre_sql` and `post_sql`: the user's own statements around the rows, in their transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sync_provider.core.errors import AuthenticationError, ConfigError, ContractError, DataError


class _Session(Protocol):
    def script(self, sql: str) -> None:
        """Execute one statement."""


def run_statements(session: _Session, table: str, key: str, statements: Sequence[str]) -> None:
    """Execute them in order.

    Args:
        key: pre_sql | post_sql.

    Raises:
        ConfigError: the server does not understand one, or not more than one at a time.
        DataError, AuthenticationError: it refuses what one does.
    """
    for index, sql in enumerate(statements):
        where = f"table {table!r}: {key}[{index}]"
        try:
            session.script(sql)
        except (DataError, AuthenticationError) as error:
            raise type(error)(f"{where}: {error.what}", error.fix, error.code) from error
        except (ConfigError, ContractError) as error:
            fix = f"correct this statement; write each one as an entry of its own under `{key}:`"
            raise ConfigError(f"{where}: {error.what}", fix, error.code) from error
