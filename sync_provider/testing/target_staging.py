"""What every target keeps about its lasting staging table: chunks stay, another run's are thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sync_provider.core.contracts import LoadSpec, Target
from sync_provider.testing.target_arena import TargetArena, make_frame, stored

_STAGE = "_sync_stage_orders"


class TargetStaging(TargetArena):
    """Tests of `prepare`, of chunks that are committed one by one, and of `discard`."""

    def test_chunks_of_several_processes_are_moved_together(self, target: Target) -> None:
        spec = self._lasting(target)
        assert self._chunk(target, spec, [(1, "a"), (2, "b")], fresh=True) == 0
        assert self._chunk(target, spec, [(2, "newer"), (3, "c")], first=3) == 2
        assert self._move(target, spec) == (3, 1)
        assert stored(target, spec) == [(1, "a"), (2, "newer"), (3, "c")]

    def test_a_chunk_that_was_not_committed_is_not_there(self, target: Target) -> None:
        spec = self._lasting(target)
        self._chunk(target, spec, [(1, "a")], fresh=True)
        self._chunk(target, spec, [(2, "b")], first=2, commit=False)
        assert self._prepare(target, spec) == 1

    def test_a_fresh_stage_and_one_of_other_columns_are_empty(self, target: Target) -> None:
        spec = self._lasting(target)
        self._chunk(target, spec, [(1, "a")], fresh=True)
        assert self._prepare(target, replace(spec, columns={"id": spec.columns["id"]})) == 0
        self._chunk(target, spec, [(1, "a")], fresh=True)
        assert self._prepare(target, spec) == 1
        assert self._prepare(target, spec, fresh=True) == 0

    def test_a_discarded_stage_may_be_discarded_again(self, target: Target) -> None:
        spec = self._lasting(target)
        self._chunk(target, spec, [(1, "a")], fresh=True)
        session = target.session()
        target.discard(session, spec)
        target.discard(session, spec)
        session.close()
        assert target.describe(self.schema, _STAGE) is None

    def _lasting(self, target: Target) -> LoadSpec:
        columns = {"id": "bigint", "name": "text"}
        spec = self.spec(columns, write="merge", primary_key=("id",), stage=_STAGE, stage_schema=self.schema)
        self.create(target, spec)
        return spec

    def _prepare(self, target: Target, spec: LoadSpec, *, fresh: bool = False) -> int:
        session = target.session()
        try:
            return target.prepare(session, spec, fresh=fresh)
        finally:
            session.close()

    def _chunk(
        self,
        target: Target,
        spec: LoadSpec,
        rows: Sequence[Sequence[Any]],
        *,
        first: int = 1,
        fresh: bool = False,
        commit: bool = True,
    ) -> int:
        """Write one chunk as a process of its own would; return what was staged before."""
        session = target.session()
        try:
            before = target.prepare(session, spec, fresh=fresh)
            session.begin()
            target.load(session, spec).write(make_frame(spec, rows, first))
            session.commit() if commit else session.rollback()
        finally:
            session.close()
        return before

    def _move(self, target: Target, spec: LoadSpec) -> tuple[int, int]:
        """Finish the load over a connection that has written nothing; return rows loaded and deduplicated."""
        session = target.session()
        try:
            session.begin()
            counters, _ = target.load(session, spec).finish()
            session.commit()
        finally:
            session.close()
        return counters.loaded, counters.deduplicated
