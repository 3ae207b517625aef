"""Fail points fire where they are told to, once when they are told so, and never by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sync_provider.core.engine.failpoints import EDGES, failpoint
from sync_provider.core.errors import ConnectError, ContractError


def test_nothing_happens_unarmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_FAILPOINT", raising=False)
    for edge in EDGES:
        failpoint(edge)


def test_only_the_named_edge_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_FAILPOINT", "copy:raise")
    failpoint("begin")
    with pytest.raises(ConnectError, match="'copy' fired"):
        failpoint("copy")


def test_a_file_fires_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    armed.write_text("commit:raise\n")
    monkeypatch.setenv("SYNC_FAILPOINT", f"@{armed}")
    with pytest.raises(ConnectError):
        failpoint("commit")
    assert not armed.exists()
    failpoint("commit")


def test_an_unknown_edge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_FAILPOINT", "comit:kill")
    with pytest.raises(ContractError, match=r"want <edge>\[@<pass>\]:<action>"):
        failpoint("commit")


def test_kill_is_a_real_kill() -> None:
    code = "from sync_provider.core.engine.failpoints import failpoint; failpoint('commit'); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SYNC_FAILPOINT": "commit:kill"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-9, "")


def test_it_fires_at_one_pass_of_an_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_provider.core.engine.failpoints._passed", Counter())
    monkeypatch.setenv("SYNC_FAILPOINT", "chunk@3:raise")
    for edge in ("chunk", "copy", "chunk", "copy"):
        failpoint(edge)
    with pytest.raises(ConnectError, match="fail point 'chunk' fired"):
        failpoint("chunk")
    failpoint("chunk")
