"""`schedule: once`: one run per version of the configuration."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction


class OncePerVersion(Timetable):
    """Runs as soon as possible, and again when the version changes; going back to an old one is a change too.

    A timetable is told nothing but the interval of the run before, so the version is kept in there: the fraction of
    its second is made of it (from 1 to 999,999, so one change in a million goes unseen).

    Args:
        version: any text that changes with the configuration.
    """

    periodic = False
    run_ordering = ("logical_date",)
    description = "Once per version of the configuration, as soon as possible"

    def __init__(self, version: str) -> None:
        self.version = version

    @property
    def summary(self) -> str:
        """As short as Airflow's own."""
        return "@once"

    @property
    def fraction_us(self) -> int:
        """The version as microseconds; never 0, which is every other schedule's."""
        return int.from_bytes(sha256(self.version.encode()).digest()[:8], "big") % 999_999 + 1

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` needs."""
        return {"version": self.version}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OncePerVersion:
        """Rebuild it from `serialize` output."""
        return cls(data["version"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OncePerVersion) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return the moment itself."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return a run at once, unless the last one was of this version."""
        moment = datetime.now(timezone.utc)
        if last_automated_data_interval is not None:
            last = last_automated_data_interval.start
            if last.microsecond == self.fraction_us:
                return None
            moment = max(moment, last + timedelta(seconds=1))
        if restriction.earliest is not None:
            moment = max(moment, restriction.earliest)
        if restriction.latest is not None and moment > restriction.latest:
            return None
        return DagRunInfo.exact(coerce_datetime(moment.astimezone(timezone.utc).replace(microsecond=self.fraction_us)))
