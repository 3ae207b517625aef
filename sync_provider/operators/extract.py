"""The second stage: read the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.operators.lines import handover_lines
from sync_provider.operators.stage import Stage

if TYPE_CHECKING:
    from airflow.sdk import Context


class Extract(Stage):
    """Reads the window into staging files."""

    minds_hours = True

    def work(self, context: Context) -> dict[str, Any]:
        """Return where the rows are and how many."""
        from sync_provider.core import engine

        ticket = self.handed(context, "check")
        handover = engine.extract(self.plan, ticket, self.connections(), self._cancel, context["ti"].try_number)
        self.say(handover_lines(self.plan, handover))
        return handover
