"""Whether the tasks of a run find the same files: one machine does, several only where a folder is shared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from sync_provider.core.errors import ConfigError

if TYPE_CHECKING:
    from sync_provider.core.contracts import ConnectionLookup, Plan

#: executors whose tasks all run on the scheduler's machine
_ONE_MACHINE = frozenset({"LocalExecutor", "SequentialExecutor", "DebugExecutor", "MockExecutor"})


def require_shared_files(plan: Plan, connections: ConnectionLookup) -> None:
    """Refuse to start what would lose its files on the way from one worker to another.

    Raises:
        ConfigError: tasks run on several machines, and staging, store or target are files that project.yaml does not
            call shared.
    """
    executor = _distributed()
    if executor is None or plan.shared_files:
        return
    local = dict(_local_files(plan, connections))
    if local:
        mount = f"mount one folder on every worker and write `staging: {{url: {plan.staging}, shared: true}}`"
        others = " and ".join(fix for fix in local.values() if fix)
        raise ConfigError(
            f"interface {plan.id!r}: {', '.join(local)} may be on the disk of one worker, "
            f"and {executor} runs tasks on several",
            fix=f"{mount} in project.yaml" + (f"; or {others}" if all(local.values()) else ""),
        )


def _local_files(plan: Plan, connections: ConnectionLookup) -> Iterator[tuple[str, str]]:
    """Yield what is kept in files, and how to do without."""
    if plan.execution == "staged":
        yield f"staging {plan.staging}", "set `execution: fused`"
    if plan.store.startswith("sqlite://"):
        yield f"store {plan.store}", "name a postgres connection in `store:`"
    if connections(plan.target.connection).type == "sqlite":
        yield f"the SQLite target {plan.target.connection!r}", ""


def _distributed() -> str | None:
    """Return the executor whose workers are other machines, or None."""
    if os.environ.get("AIRFLOW_IS_K8S_EXECUTOR_POD"):
        return "KubernetesExecutor"  # a pod's own configuration often says LocalExecutor
    for team in conf.get("core", "executor").split(";"):
        # `Team=First,Second`, each `Name` or `alias:module.Name`; the first is the one tasks run on
        name = team.rpartition("=")[2].split(",")[0].rpartition(":")[2].rpartition(".")[2].strip()
        if name not in _ONE_MACHINE:
            return name
    return None
