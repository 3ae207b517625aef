"""The fifth stage: write rows, rejected rows, ledger and checkpoint in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.operators.lines import report_lines
from sync_provider.operators.stage import Stage

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadTarget(Stage):
    """Commits the run into the target, once."""

    minds_hours = True

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's report."""
        from sync_provider.core import engine

        ticket, handover = self.handed(context, "check"), self.handed(context, "quality")
        report = engine.load(
            self.plan, ticket, handover, self.connections(), self._cancel, context["ti"].try_number,
            stop_at=self.stop_at(context),
        )  # fmt: skip
        self.say(report_lines(report))
        return report
