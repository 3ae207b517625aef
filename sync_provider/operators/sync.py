"""`execution: fused`: all stages in one task, overlapped, nothing staged on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.core.errors import BusyError, SkippedError, SyncError
from sync_provider.notifications import alerts
from sync_provider.operators.lines import report_lines
from sync_provider.operators.stage import Stage

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
        from sync_provider.core.engine import error_to_json

        ti = context["ti"]
        again = ti.try_number <= ti.max_tries and (self.retry_policy is None or self.retry_policy.allows(error))
        if not again:
            told = error_to_json(error)
            alerts.send(self.plan, told["report"], told, context)
