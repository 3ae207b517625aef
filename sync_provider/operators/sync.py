"""`execution: fused`: all stages in one task, overlapped, nothing staged on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.notifications import alerts
from sync_provider.operators.keeping import keep_last_good
from sync_provider.operators.lines import report_lines
from sync_provider.operators.stage import Stage
from sync_provider.operators.workers import require_shared_files

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sync_provider.core.errors import SyncError


class Sync(Stage):
    """Runs the whole pipeline of one interface."""

    begins = True
    minds_hours = True

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's report."""
        from sync_provider.core import engine

        request = self.request(context)
        require_shared_files(self.plan, self.connections())
        done = engine.run(self.plan, request, self.connections(), self._cancel, stop_at=self.stop_at(context))
        report = engine.report_to_json(done)
        self.say(report_lines(report))
        alerts.send(self.plan, report, None, context)
        keep_last_good(self.plan, context, self.connections())
        return report

    def failed(self, context: Context, error: SyncError, raised: BaseException) -> None:
        """Send the alerts too, unless Airflow tries again: no `report` comes after this task."""
        from sync_provider.core import engine

        super().failed(context, error, raised)
        ti = context["ti"]
        if ti.try_number <= ti.max_tries and (self.retry_policy is None or self.retry_policy.allows(raised)):
            return
        told = engine.error_to_json(error)
        # what ended the run before it began comes without a report
        report = told["report"] or engine.report(
            self.plan, None, None, self.connections(), error=told, run_id=context["dag_run"].run_id
        )
        alerts.send(self.plan, report, told, context)
