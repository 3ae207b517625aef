"""`schedule: {interval, start}`: intervals counted from a moment of one's own, none of them ever drifting."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction


class AnchoredInterval(Timetable):
    """Data intervals of one length whose bounds are the anchor plus whole multiples of it.

    Airflow's own interval lies on a grid that begins in 1970, whatever the DAG's start date.

    Args:
        anchor: aware.
    """

    def __init__(self, step: timedelta, anchor: datetime) -> None:
        self.step = step
        self.anchor = anchor.astimezone(timezone.utc)
        self.description = f"Every {step}, counted from {self.anchor:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def summary(self) -> str:
        """The interval's length."""
        return str(self.step)

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` needs."""
        return {"step_s": self.step.total_seconds(), "anchor": self.anchor.isoformat()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AnchoredInterval:
        """Rebuild it from `serialize` output."""
        return cls(timedelta(seconds=data["step_s"]), datetime.fromisoformat(data["anchor"]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnchoredInterval) and self.serialize() == other.serialize()

    def __hash__(self) -> int:
        return hash((self.step, self.anchor))

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return the last whole interval before a run started by hand."""
        end = self._floor(run_after)
        return DataInterval(coerce_datetime(end - self.step), coerce_datetime(end))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next interval: without `catchup` the newest whole one, however many were missed."""
        start = self.anchor
        if restriction.earliest is not None:
            start = max(start, self._ceil(restriction.earliest))
        if not restriction.catchup:
            start = max(start, self._floor(datetime.now(timezone.utc)) - self.step)
        if last_automated_data_interval is not None:
            start = max(start, self._ceil(last_automated_data_interval.end))
        if restriction.latest is not None and start > restriction.latest:
            return None
        return DagRunInfo.interval(coerce_datetime(start), coerce_datetime(start + self.step))

    def _floor(self, moment: datetime) -> datetime:
        return self.anchor + (_plain(moment) - self.anchor) // self.step * self.step

    def _ceil(self, moment: datetime) -> datetime:
        return self.anchor - (self.anchor - _plain(moment)) // self.step * self.step


def _plain(moment: datetime) -> datetime:
    """Return a time that is no pendulum: the difference of those cannot be divided by a timedelta."""
    return datetime.fromisoformat(moment.isoformat())
