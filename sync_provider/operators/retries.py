"""Which failures Airflow tries again, and after how long: YAML `retry:` as a retry policy."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from sync_provider.core.contracts import RetryPlan
from sync_provider.core.errors import SyncError

if TYPE_CHECKING:
    from airflow.sdk import Context


class RetryAsPlanned(RetryPolicy):
    """Retries our errors only where the plan names their kind, or their class; other exceptions always.

    An error that waiting cannot cure (a refused login, wrong data) is not retried with its kind, only by its class.

    Args:
        draw: a random number between two others.
    """

    def __init__(self, plan: RetryPlan, draw: Callable[[float, float], float] = random.uniform) -> None:
        self.plan = plan
        self._draw = draw

    def allows(self, error: BaseException) -> bool:
        """Whether another try could help."""
        if not isinstance(error, SyncError):
            return True
        named = {kind.__name__ for kind in type(error).__mro__}
        return bool(named & set(self.plan.errors)) or (error.retryable and error.kind in self.plan.errors)

    def delay_s(self, retry: int) -> float:
        """Return the seconds before a retry, counted from 1.

        Exponential: twice as long each time, up to `max_delay`, and of that somewhere between the half and the whole,
        so that what failed together does not come back together. Fixed: always `delay`.
        """
        if self.plan.backoff == "fixed":
            return min(self.plan.delay_s, self.plan.max_delay_s)
        whole = min(self.plan.delay_s * 2.0 ** min(retry - 1, 64), self.plan.max_delay_s)
        return self._draw(whole / 2, whole)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Fail at once what the plan does not retry, else say how long to wait.

        A cleared task counts its tries on, and `max_tries` with them: the delays begin anew.
        """
        if not self.allows(exception):
            return RetryDecision.fail(f"{type(exception).__name__} is not retried")
        retry = self.plan.max - (max_tries - try_number)
        if retry > self.plan.max:
            return RetryDecision.default()  # there is no try left
        delay_s = self.delay_s(max(retry, 1))
        return RetryDecision.retry(timedelta(seconds=delay_s), f"{type(exception).__name__}: again in {delay_s:.0f} s")

    def serialize(self) -> dict[str, Any]:
        """Return nothing: the policy is rebuilt from YAML where the task runs."""
        return {}
