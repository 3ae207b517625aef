"""The fourth stage: checks and masking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.operators.lines import handover_lines
from sync_provider.operators.stage import Stage

if TYPE_CHECKING:
    from airflow.sdk import Context


class QualityCheck(Stage):
    """Sets bad rows aside and masks what stays."""

    def work(self, context: Context) -> dict[str, Any]:
        """Return where the rows are now and what was counted."""
        from sync_provider.core import engine

        ticket, handover = self.handed(context, "check"), self.handed(context, "transform")
        handover = engine.quality(
            self.plan, ticket, handover, self.connections(), self._cancel, context["ti"].try_number
        )
        self.say(handover_lines(self.plan, handover))
        return handover
