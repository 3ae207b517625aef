"""Which failures Airflow tries again: YAML `retry.errors` as a retry policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from sync_provider.core.errors import SyncError

if TYPE_CHECKING:
    from airflow.sdk import Context


class RetryByKind(RetryPolicy):
    """Retries our errors only where both the error and the plan allow it; leaves all others to Airflow.

    Args:
        kinds: error kinds (`connection`, `system`, …) that may be tried again.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self.kinds = frozenset(kinds)

    def allows(self, error: BaseException) -> bool:
        """Whether another try could help."""
        return not isinstance(error, SyncError) or (error.retryable and error.kind in self.kinds)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Fail at once what the plan does not retry, else leave count and delay to the task."""
        if self.allows(exception):
            return RetryDecision.default()
        return RetryDecision.fail(f"{type(exception).__name__} is not retried")

    def serialize(self) -> dict[str, Any]:
        """Return nothing: the policy is rebuilt from YAML where the task runs."""
        return {}
