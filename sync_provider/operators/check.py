"""The first stage: is this run due, may it write, what will it read?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.operators.lines import ticket_lines
from sync_provider.operators.stage import Stage
from sync_provider.operators.workers import require_shared_files

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckSource(Stage):
    """Takes the lease, reaches both ends, prepares the tables and fixes the window."""

    begins = True
    minds_hours = True

    def work(self, context: Context) -> dict[str, Any]:
        """Return the run's ticket."""
        from sync_provider.core import engine

        request = self.request(context)
        require_shared_files(self.plan, self.connections())
        ticket = engine.check(self.plan, request, self.connections(), self._cancel)
        self.say(ticket_lines(self.plan, ticket))
        return ticket
