"""What `run` shows: a live line while rows move, a short box at the end."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from sync_provider.core.contracts import RunReport

_EVERY_S = 0.2


class Progress:
    """One line, rewritten: rows, rows/s, ETA. Silent where stderr is not a terminal, but for a line every 10 s.

    Source: the live counter follows what ingestr shows while it loads.
    """

    def __init__(self, interface: str, stream: TextIO | None = None) -> None:
        self._interface = interface
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._every = _EVERY_S if self._live else 10.0
        self._start = self._last = time.monotonic()

    def __call__(self, rows: int, total: int | None) -> None:
        """Show progress.

        Args:
            rows: rows read so far.
            total: rows expected; None = unknown.
        """
        now = time.monotonic()
        if now - self._last < self._every:
            return
        self._last = now
        print(
            self._text(rows, total, now - self._start), end="\r" if self._live else "\n", file=self._stream, flush=True
        )

    def note(self, text: str) -> None:
        """Say something that is not progress."""
        self.close()
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Clear the live line."""
        if self._live:
            print("\r\x1b[2K", end="", file=self._stream, flush=True)

    def _text(self, rows: int, total: int | None, seconds: float) -> str:
        speed = rows / max(seconds, 0.001)
        line = f"{self._interface}: {rows:,} rows, {speed:,.0f} rows/s"
        if total and rows:
            left = max(total - rows, 0) / max(speed, 1.0)
            line += f", {min(rows / total, 1):.0%}, ETA {left:.0f} s"
        return ("\r\x1b[2K" if self._live else "") + line


def box(report: RunReport) -> str:
    """Return the end of a run in a few lines: read, loaded, rejected by rule with the first example, speed, memory."""
    count = report.counters
    seconds = (report.ended_at - report.started_at).total_seconds() if report.ended_at and report.started_at else 0.0
    lines = [f"{report.interface}  {report.status}", f"read       {count.read:>12,}", _loaded(report)]
    lines += [f"{name:<10} {value:>12,}" for name, value in _others(report) if value]
    lines += [
        f"  {rule:<24} {rows:>8,}   {_short(first)}"
        for rule, (rows, first) in sorted(report.rejected_by_rule.items(), key=lambda item: -item[1][0])
    ]
    lines += [f"  {rule:<24} {rows:>8,}   warned" for rule, rows in report.warned_by_rule.items()]
    lines.append(f"duration   {seconds:>12.2f} s   {count.read / max(seconds, 0.001):,.0f} rows/s")
    lines.append(f"memory     {report.peak_rss_bytes / 1e6:>12.0f} MB peak")
    if report.checkpoint:
        lines.append(f"checkpoint {report.checkpoint}")
    lines += [f"note       {note}" for note in report.notes]
    if count.rejected and count.rejected == count.read and report.status == "ok":
        lines.append("note       not one row was good; `max_bad: 1%` would fail such a run")
    width = max(map(len, lines))
    return "\n".join(["┌" + "─" * (width + 2), *(f"│ {line}" for line in lines), "└" + "─" * (width + 2)])


def _loaded(report: RunReport) -> str:
    count = report.counters
    kinds = [("inserted", count.inserted), ("updated", count.updated), ("unchanged", count.unchanged)]
    kinds.append(("removed", count.removed))
    detail = ", ".join(f"{value:,} {name}" for name, value in kinds if value)
    return f"loaded     {count.loaded:>12,}" + (f"   {detail}" if detail else "")


def _others(report: RunReport) -> list[tuple[str, int]]:
    count = report.counters
    return [
        ("rejected", count.rejected),
        ("dropped", count.dropped),
        ("duplicate", count.deduplicated),
        ("superseded", count.superseded),
        ("filtered", count.filtered),
        ("deleted", count.deleted),
        ("warned", count.warned),
    ]


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
