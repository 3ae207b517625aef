"""The one task of a source whose YAML is broken: it carries the message to where people look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class ConfigProblem(BaseOperator):
    """Fails with what is wrong in the source's YAML.

    Args:
        messages: one per problem, each with file:line:col in its first line.
    """

    def __init__(self, *, messages: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.messages = tuple(messages)

    def execute(self, context: Context) -> None:
        """Log every problem, then fail with the first in one sentence; trying again would not help."""
        for message in self.messages:
            self.log.error("%s", message)
        more = f" (and {len(self.messages) - 1} more)" if len(self.messages) > 1 else ""
        raise AirflowFailException(self.messages[0].partition("\n")[0] + more)
