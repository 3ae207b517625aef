"""What all stage operators share: the plan, when they may work, how errors and cancelling reach Airflow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout, TaskDeferralError, TaskDeferralTimeout

from sync_provider.core.errors import BusyError, PausedError, ResourceError, SkippedError, SyncError
from sync_provider.core.plan import hours
from sync_provider.hooks.connections import airflow_connections
from sync_provider.operators.lines import Line, rejected_lines
from sync_provider.operators.request import at_any_time, run_request, why_not

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sync_provider.core.contracts import ConnectionLookup, Plan
    from sync_provider.core.engine import Cancel, RunRequest

#: seconds between two looks at a lease that another run holds
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 60
#: how late a waiting task may be woken before it fails: no triggerer lives
_WAKE_WITHIN = timedelta(hours=1)


class Stage(BaseOperator):
    """One stage of one interface; a subclass says in `work` which function of the engine it calls.

    `plan` is no template field on purpose: what Airflow stores of a DAG stays small and free of configuration.
    """

    #: whether a run begins here: it may be skipped, and waits for another run; later a held lease means ours is lost
    begins: ClassVar[bool] = False
    #: whether it works on the source or the target, which it may only do inside the window of the day
    minds_hours: ClassVar[bool] = False
    _cancel: Cancel | None = None

    def __init__(self, *, plan: Plan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def work(self, context: Context) -> Any:
        """Do the stage; what it returns goes to the next one by XCom."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Run the stage; tell `report` of an error before failing with one sentence."""
        return self._attempt(context, waits=0, since=None)

    def execute_again(self, context: Context, waits: int = 0, since: str | None = None, event: Any = None) -> Any:
        """Come back from waiting: for the window of the day, or for another run's lease since a time."""
        return self._attempt(context, waits, since)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Come back from waiting, or say in our words that nobody ended it."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralTimeout, TaskDeferralError) as error:
            lost = ResourceError(
                f"interface {self.plan.id!r}: task {self.task_id!r} was waiting and nobody woke it: {error}",
                fix="see that Airflow's triggerer runs",
            )
            self.failed(context, lost, lost)
            raise lost from None

    def on_kill(self) -> None:
        """Cancel on the servers too; called from Airflow's signal handler."""
        if self._cancel is not None:
            self._cancel.request()

    def _attempt(self, context: Context, waits: int, since: str | None) -> Any:
        from sync_provider.core.engine import Cancel

        self._cancel = Cancel()
        try:
            if self.begins and (reason := why_not(self.plan, context) or self._done_before(context)):
                self._skip(reason)
            self._mind_hours(context)
            return self.work(context)
        except SkippedError as skipped:
            self._skip(skipped.what)
        except AirflowTaskTimeout as timeout:
            self._cancel.request()
            late = SyncError(f"interface {self.plan.id!r}: task {self.task_id!r} ran out of time",
                             fix="raise `timeout`, or read less at once")  # fmt: skip
            self.failed(context, late, timeout)
            raise
        except SyncError as error:
            if isinstance(error, PausedError):
                self._wait_until(error.until or self._opens_at(), error.what)
            if isinstance(error, BusyError) and self.begins:
                error = self._waited(error, waits, since)
            self.failed(context, error, error)
            raise type(error)(error.what, code=error.code) from None

    def _done_before(self, context: Context) -> str | None:
        """Return why a schedule of `once` is through with this interface, or None."""
        from sync_provider.core import engine

        run = context["dag_run"]
        if self.plan.schedule.kind != "once" or getattr(run.run_type, "value", run.run_type) != "scheduled":
            return None
        before = engine.ran_before(self.plan, self.connections(), run.run_id)
        return f"interface {self.plan.id!r} is scheduled once, and run {before!r} was it" if before else None

    def _mind_hours(self, context: Context) -> None:
        """Outside the window of the day wait until it opens; a run that has not begun is skipped where YAML says so."""
        window = self.plan.hours
        if window is None or not self.minds_hours or at_any_time(context) or hours.is_open(window, _now()):
            return
        opens = self._opens_at()
        reason = f"interface {self.plan.id!r} is outside its window, which opens at {opens:%Y-%m-%d %H:%M} UTC"
        if self.begins and window.outside == "skip":
            self._skip(f"{reason}; `outside: skip`")
        self._wait_until(opens, reason)

    def stop_at(self, context: Context) -> datetime | None:
        """Return when the window of the day closes, None where there is none."""
        window = self.plan.hours
        return None if window is None or at_any_time(context) else hours.closes_at(window, _now())

    def _opens_at(self) -> datetime:
        assert self.plan.hours is not None  # nobody waits for a window that is not there
        return hours.opens_at(self.plan.hours, _now())

    def _wait_until(self, moment: datetime, reason: str) -> NoReturn:
        """Give the worker slot back until a moment."""
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        self.log.info("%s; waiting until then", reason)
        limit = moment - _now() + _WAKE_WITHIN
        self.defer(trigger=DateTimeTrigger(moment), method_name="execute_again", kwargs={}, timeout=limit)

    def _waited(self, busy: BusyError, waits: int, since: str | None) -> BusyError:
        """Give the worker slot back for a while, or return the error of having waited as long as `timeout` allows."""
        began, delay_s = since or _now().isoformat(), min(_FIRST_WAIT_S * 2.0 ** min(waits, 8), _LONGEST_WAIT_S)
        if self.plan.timeout_s is not None:
            delay_s = min(delay_s, self.plan.timeout_s - (_now() - datetime.fromisoformat(began)).total_seconds())
        if delay_s > 0:
            self._look_again(busy, timedelta(seconds=delay_s), {"waits": waits + 1, "since": began})
        return BusyError(f"{busy.what}, and waiting for it ran out of time",
                         fix="raise `timeout`, or see why the other run takes so long")  # fmt: skip

    def _look_again(self, busy: BusyError, delay: timedelta, kwargs: dict[str, Any]) -> NoReturn:
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.log.info("%s; looking again in %.0f s", busy.what, delay.total_seconds())
        trigger, limit = TimeDeltaTrigger(delay), delay + _WAKE_WITHIN
        self.defer(trigger=trigger, method_name="execute_again", kwargs=kwargs, timeout=limit)

    def failed(self, context: Context, error: SyncError, raised: BaseException) -> None:
        """Log the error with its fix and what was rejected, and leave it where `report` finds it.

        Args:
            raised: what Airflow will see, which may be an exception of its own.
        """
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
        """Say which rows this run wants."""
        return run_request(context)

    def sibling(self, stage: str) -> str:
        """Return the task id of another stage of this interface."""
        group, _, _ = self.task_id.rpartition(".")
        return f"{group}.{stage}" if group else stage

    def handed(self, context: Context, stage: str, key: str = "return_value") -> Any:
        """Return what another stage of this run left in XCom."""
        return context["ti"].xcom_pull(task_ids=self.sibling(stage), key=key)


def _now() -> datetime:
    return datetime.now(timezone.utc)
