"""The one task of a source whose YAML is broken: it carries the message to where people look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class ConfigProblem(BaseOperator):
    """Fails with what is wrong in the source's YAML.

    Args:
        message: one problem a line, each with file:line:col.
    """

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def execute(self, context: Context) -> None:
        """Fail; trying again would not help."""
        raise AirflowFailException(self.message)
