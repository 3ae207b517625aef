"""`execution: fused`: all stages in one task, overlapped, nothing staged on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.core.errors import BusyError, SkippedError, SyncError
from sync_provider.notifications import alerts
from sync_provider.operators.lines import report_lines
from sync_provider.operators.stage import Stage
from sync_provider.operators.workers import require_shared_files

if TYPE_CHECKING:
    from airflow.sdk import Context


class Sync(Stage):
    """Runs the whole pipeline of one interface."""

    takes_lease = True

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's report."""
        from sync_provider.core import engine

        request = self.request(context)
        try:
            require_shared_files(self.plan, self.connections())
            report = engine.report_to_json(engine.run(self.plan, request, self.connections(), self._cancel))
        except (BusyError, SkippedError):
            raise
        except SyncError as error:
            self._tell(context, error)
            raise
        self.say(report_lines(report))
        alerts.send(self.plan, report, None, context)
        return report

    def _tell(self, context: Context, error: SyncError) -> None:
        """Send the alerts of a failure, unless Airflow tries again."""
        from sync_provider.core import engine

        ti = context["ti"]
        again = ti.try_number <= ti.max_tries and (self.retry_policy is None or self.retry_policy.allows(error))
        if not again:
            told = engine.error_to_json(error)
            run_id = context["dag_run"].run_id
            # what ended the run before it began comes without a report
            report = told["report"] or engine.report(
                self.plan, None, None, self.connections(), error=told, run_id=run_id
            )
            alerts.send(self.plan, report, told, context)
