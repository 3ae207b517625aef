"""The last stage: keep the report, clean up, tell people; red when anything before it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from sync_provider.core.errors import SyncError
from sync_provider.notifications import alerts
from sync_provider.operators.keeping import keep_last_good
from sync_provider.operators.lines import report_lines
from sync_provider.operators.stage import Stage

if TYPE_CHECKING:
    from airflow.sdk import Context

_BEFORE = ("check", "extract", "transform", "quality", "load")


class Report(Stage):
    """Writes the run's report, releases the lease, cleans staging and sends the alerts."""

    def work(self, context: Context) -> dict[str, Any]:
        """Return the report; raises what failed before, so that the group is red."""
        from sync_provider.core import engine

        states = self._states(context)
        error = self._failure(context, states)
        ticket = self.handed(context, "check") if states.get("check") == "success" else None
        outcome = self.handed(context, "load") if error is None else None
        run_id = context["dag_run"].run_id
        report = engine.report(self.plan, ticket, outcome, self.connections(), error=error, run_id=run_id)
        self.say(report_lines(report))
        alerts.send(self.plan, report, error, context)
        if error:
            raise AirflowFailException(error["what"])
        keep_last_good(self.plan, context, self.connections())
        return report

    def _states(self, context: Context) -> dict[str, str]:
        """Return stage → state. XComs of an earlier try of a cleared run would lie, states do not."""
        run, ids = context["dag_run"], [self.sibling(stage) for stage in _BEFORE]
        by_run = context["ti"].get_task_states(dag_id=run.dag_id, task_ids=ids, run_ids=[run.run_id])
        states = by_run.get(run.run_id, {})
        return {task.rpartition(".")[2]: getattr(state, "value", state) for task, state in states.items()}

    def _failure(self, context: Context, states: dict[str, str]) -> dict[str, Any] | None:
        """Return the error of the first stage that failed, None when none did."""
        from sync_provider.core.engine import error_to_json

        failed = next((stage for stage in _BEFORE if states.get(stage) not in ("success", None)), None)
        if failed is None:
            return None
        silent = SyncError(
            f"interface {self.plan.id!r}: task {failed!r} is {states[failed]} without a word: killed, stopped or a bug",
            fix=f"read the log of {failed!r}, then clear the run",
        )
        return self.handed(context, failed, key="error") or error_to_json(silent)
