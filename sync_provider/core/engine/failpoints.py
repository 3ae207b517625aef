"""Named edges where a test can kill, break or hang a run: what would a crash right here leave behind?

`SYNC_FAILPOINT=copy:kill` fires at every pass of the edge, `copy@60:kill` at the sixtieth in a process;
`SYNC_FAILPOINT=@/path/to/file` reads `edge:action` from that file and removes it when it fires, so that a retry goes
through.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

from sync_provider.core.errors import ConnectError, ContractError

#: in the order a run passes them
EDGES = (
    "stage_write",  # before a staging part is complete
    "manifest",  # parts written, manifest not
    "begin",  # before the write transaction
    "copy",  # a batch is in the transaction
    "move",  # before staged rows go to the target
    "rejected",  # before the rejected rows
    "ledger",  # before ledger and checkpoint
    "commit",  # everything is in the transaction, nothing is committed
    "after_commit",  # committed, the source not told
    "ack",  # the source told, the lease not released
    "cleanup",  # before staging is removed
)
#: edges that only a load in chunks passes
CHUNK_EDGES = (
    "chunk",  # a chunk and its ledger row are in their transaction, nothing of it is committed
    "after_chunk",  # a chunk is committed, the next not begun
    "discard",  # all is committed, the lasting staging table still there
)
#: edge → how often this process has passed it, while one of its passes is armed
_passed: Counter[str] = Counter()
ACTIONS = ("kill", "raise", "hang")


def failpoint(edge: str) -> None:
    """Do what `SYNC_FAILPOINT` asks for at this edge; nothing in normal runs."""
    armed = os.environ.get("SYNC_FAILPOINT")
    if not armed:
        return
    once = Path(armed[1:]) if armed.startswith("@") else None
    if once is not None:
        try:
            armed = once.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return
    where, _, action = armed.partition(":")
    at, _, nth = where.partition("@")
    known = (*EDGES, *CHUNK_EDGES)
    if at not in known or action not in ACTIONS or not (nth or "1").isdigit():
        raise ContractError(
            f"SYNC_FAILPOINT {armed!r}: want <edge>[@<pass>]:<action>", fix=f"edges: {', '.join(known)}"
        )
    _passed[edge] += bool(nth)
    if at == edge and (not nth or _passed[edge] == int(nth)):
        if once is not None:
            once.unlink(missing_ok=True)
        _fire(edge, action)


def _fire(edge: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        time.sleep(3600)
    raise ConnectError(f"fail point {edge!r} fired")
