"""`retry:` as Airflow's retry policy: which errors, how often, after how long."""

from __future__ import annotations

import random
from typing import Any, get_args

import pytest

from sync_provider.core import errors
from sync_provider.core.config.models import Retried
from sync_provider.core.contracts import RetryPlan
from sync_provider.core.errors import AuthenticationError, ConnectError, DataError, QualityGateError, ResourceError
from sync_provider.operators.retries import RetryAsPlanned

KINDS = ("connection", "system")


class PluginError(ConnectError):
    """As a plugin would make its own."""


@pytest.mark.parametrize(
    ("named", "error", "again"),
    [
        (KINDS, ConnectError("gone"), True),
        (KINDS, ResourceError("disk full"), True),
        (KINDS, PluginError("gone"), True),
        (KINDS, AuthenticationError("refused"), False),
        (KINDS, DataError("no number"), False),
        (KINDS, QualityGateError("bad"), False),
        (("system",), ConnectError("gone"), False),
        (("connection", "AuthenticationError"), AuthenticationError("refused"), True),
        (("DataError",), DataError("no number"), True),
        (("DataError",), ConnectError("gone"), False),
        (("ConnectError",), PluginError("gone"), True),
        ((), RuntimeError("not ours"), True),
        ((), ConnectError("gone"), False),
    ],
)
def test_only_what_another_try_can_help_is_tried_again(named: Any, error: Exception, again: bool) -> None:
    decision = RetryAsPlanned(RetryPlan(errors=named)).evaluate(error, 1, 2)
    assert decision.action.value == ("retry" if again else "fail")


def delays(plan: RetryPlan, seed: int = 7) -> list[float]:
    """Return what the policy answers to each failure of a task that fails until its tries are used up."""
    policy = RetryAsPlanned(plan, random.Random(seed).uniform)
    decisions = [policy.evaluate(ConnectError("gone"), number, plan.max) for number in range(1, plan.max + 2)]
    assert decisions.pop().action.value == "default", "the last failure has no retry to delay"
    return [decision.retry_delay.total_seconds() for decision in decisions if decision.retry_delay]


def test_fixed_waits_are_all_the_same() -> None:
    assert delays(RetryPlan(max=4, backoff="fixed", delay_s=5)) == [5, 5, 5, 5]


def test_exponential_waits_double_up_to_the_cap_and_vary_by_a_half() -> None:
    plan = RetryPlan(max=8, delay_s=10, max_delay_s=300)
    whole = [10, 20, 40, 80, 160, 300, 300, 300]
    expected = random.Random(7)
    assert delays(plan) == pytest.approx([expected.uniform(most / 2, most) for most in whole])
    for seed in range(50):
        assert all(most / 2 <= got <= most for got, most in zip(delays(plan, seed), whole, strict=True))
    assert len({round(delays(plan, seed)[0], 3) for seed in range(50)}) > 40, "what failed together comes back apart"


def test_no_retries_is_no_retries() -> None:
    assert delays(RetryPlan(max=0)) == []


def test_after_very_many_tries_the_cap_still_holds() -> None:
    assert max(delays(RetryPlan(max=3000, delay_s=1, max_delay_s=60))) <= 60


def test_a_cleared_task_begins_with_the_first_delay_again() -> None:
    policy = RetryAsPlanned(RetryPlan(max=3, delay_s=10), lambda _half, whole: whole)
    # three retries and the first try are used up: cleared, the task goes on with try 5 of at most 7
    waits = [policy.evaluate(ConnectError("gone"), number, 7).retry_delay for number in (5, 6, 7)]
    assert [wait.total_seconds() for wait in waits if wait] == [10, 20, 40]
    assert policy.evaluate(ConnectError("gone"), 8, 7).action.value == "default"


def test_the_classes_that_yaml_may_name_are_classes_of_ours() -> None:
    kinds, classes = get_args(Retried)[:2], get_args(Retried)[2:]
    assert set(kinds) == {"connection", "system"}
    assert all(issubclass(getattr(errors, name), errors.SyncError) for name in classes)
    never = {"BusyError", "PausedError", "SkippedError", "CancelledError", "ContractError"}
    ours = {
        name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, errors.SyncError)
    }
    assert ours - never - {"SyncError"} == set(classes), "a new class is retried by name, or it never is"
