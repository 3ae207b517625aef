"""What all stage operators share: the plan, the request, how errors and cancelling reach Airflow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from sync_provider.core.errors import BusyError, SkippedError, SyncError
from sync_provider.hooks.connections import airflow_connections
from sync_provider.operators.lines import Line, rejected_lines
from sync_provider.operators.request import run_request, why_not

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sync_provider.core.contracts import ConnectionLookup, Plan
    from sync_provider.core.engine import Cancel, RunRequest

#: seconds between two looks at a lease that another run holds
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 60


class Stage(BaseOperator):
    """One stage of one interface; a subclass says in `work` which function of the engine it calls.

    `plan` is no template field on purpose: what Airflow stores of a DAG stays small and free of configuration.
    """

    #: whether a lease that another run holds is waited for; in a later stage it means that ours was lost
    takes_lease: ClassVar[bool] = False
    _cancel: Cancel | None = None

    def __init__(self, *, plan: Plan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def work(self, context: Context) -> Any:
        """Do the stage; what it returns goes to the next one by XCom."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Run the stage; tell `report` of an error before failing with one sentence."""
        return self._attempt(context, waits=0)

    def execute_again(self, context: Context, waits: int, event: Any = None) -> Any:
        """Come back from waiting for another run's lease."""
        return self._attempt(context, waits)

    def on_kill(self) -> None:
        """Cancel on the servers too; called from Airflow's signal handler."""
        if self._cancel is not None:
            self._cancel.request()

    def _attempt(self, context: Context, waits: int) -> Any:
        from sync_provider.core.engine import Cancel

        self._cancel = Cancel()
        try:
            return self.work(context)
        except SkippedError as skipped:
            self._skip(skipped.what)
        except AirflowTaskTimeout:
            self._cancel.request()
            self.leave_word(context, SyncError(f"interface {self.plan.id!r}: task {self.task_id!r} ran out of time",
                                               fix="raise `timeout`, or read less at once"))  # fmt: skip
            raise
        except SyncError as error:
            if isinstance(error, BusyError) and self.takes_lease:
                self._wait(error, waits)
            self.leave_word(context, error)
            raise type(error)(error.what, code=error.code) from None

    def _wait(self, busy: BusyError, waits: int) -> NoReturn:
        """Give the worker slot back; the triggerer wakes this task."""
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        delay_s = min(_FIRST_WAIT_S * 2**waits, _LONGEST_WAIT_S)
        self.log.info("%s; looking again in %s s", busy.what, delay_s)
        trigger = TimeDeltaTrigger(timedelta(seconds=delay_s))
        self.defer(trigger=trigger, method_name="execute_again", kwargs={"waits": waits + 1})

    def leave_word(self, context: Context, error: SyncError) -> None:
        """Log the error with its fix and what was rejected, and leave it where `report` finds it."""
        from sync_provider.core.engine import error_to_json

        self.log.error("%s", error)
        told = error_to_json(error)
        if told["report"]:
            self.say(rejected_lines(told["report"]))
        context["ti"].xcom_push("error", told)

    def say(self, lines: Iterable[Line]) -> None:
        """Log what a stage has to say."""
        for level, text in lines:
            self.log.log(level, "%s", text)

    def _skip(self, reason: str) -> NoReturn:
        """Skip, with the reason where one sees it: Airflow folds its own line away."""
        self.log.info("%s", reason)
        raise AirflowSkipException(reason) from None

    def connections(self) -> ConnectionLookup:
        """Return the lookup for Airflow's connections."""
        return airflow_connections()

    def request(self, context: Context) -> RunRequest:
        """Say which rows this run wants; skips when the interface sits this run out."""
        if reason := why_not(self.plan, context):
            self._skip(reason)
        return run_request(context)

    def sibling(self, stage: str) -> str:
        """Return the task id of another stage of this interface."""
        group, _, _ = self.task_id.rpartition(".")
        return f"{group}.{stage}" if group else stage

    def handed(self, context: Context, stage: str, key: str = "return_value") -> Any:
        """Return what another stage of this run left in XCom."""
        return context["ti"].xcom_pull(task_ids=self.sibling(stage), key=key)
