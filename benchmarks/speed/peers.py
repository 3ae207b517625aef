"""The tools a user would pick instead, each in a virtual environment of its own, on the same copy by wall seconds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.speed import data
from benchmarks.speed.arena import ROOT, Arena
from benchmarks.speed.figures import Figure
from benchmarks.speed.jobs import JOBS, Job
from benchmarks.speed.measure import Cost, Pipe
from benchmarks.speed.playing import OURS, Played, play

_DLT = """\
import sys, dlt
from dlt.sources.sql_database import sql_table
source, target = sys.argv[1:]
orders = sql_table(source, table="orders", schema="public", backend="connectorx", reflection_level="full",
                   backend_kwargs={"conn": source.replace("+psycopg2", "")})
place = dlt.destinations.postgres(target)
pipeline = dlt.pipeline("orders", destination=place, dataset_name="ods", pipelines_dir="dlt")
print(pipeline.run(orders, write_disposition="replace", loader_file_format="parquet"))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool.

    Args:
        requirement: what is installed.
        commands: given its environment's folder, what copies public.orders of `shop` to ods.orders of `dwh`.
        bars: job → how many times its wall ours must be faster.
    """

    name: str
    requirement: str
    commands: Callable[[Path, Arena], list[Pipe]]
    bars: Mapping[str, float]


def _ingestr(venv: Path, arena: Arena) -> list[Pipe]:
    there = ["--source-uri", f"{arena.pg.url('shop')}?sslmode=disable", "--source-table", "public.orders"]
    here = ["--dest-uri", f"{arena.pg.url('dwh')}?sslmode=disable", "--dest-table", "ods.orders"]
    return [[[str(venv / "bin/ingestr"), "ingest", *there, *here, "--yes"]]]


def _sling(venv: Path, arena: Arena) -> list[Pipe]:
    binary = next(venv.glob("lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"))
    there = ["--src-conn", f"{arena.pg.url('shop', 'postgres')}?sslmode=disable", "--src-stream", "public.orders"]
    here = ["--tgt-conn", f"{arena.pg.url('dwh', 'postgres')}?sslmode=disable", "--tgt-object", "ods.orders"]
    return [[[str(binary), "run", *there, *here, "--mode", "full-refresh"]]]


def _dlt(venv: Path, arena: Arena) -> list[Pipe]:
    script = arena.folder / "dlt_copy.py"
    script.write_text(_DLT, encoding="utf-8")
    source = arena.pg.url("shop", "postgresql+psycopg2")
    return [[[str(venv / "bin/python"), str(script), source, arena.pg.url("dwh")]]]


_DLT_NEEDS = (
    "dlt[postgres,sql_database,parquet]==1.31.0 connectorx==0.4.6 adbc-driver-postgresql adbc-driver-manager pyarrow "
    "psycopg2-binary"
)
#: job 3 asks more of us than of them: they copy, without checks, masks and quarantine
PEERS = (
    Peer("ingestr", "ingestr==0.15.9", _ingestr, {"pg_pg_direct": 2.5, "pg_pg_checks": 1.4}),
    Peer("dlt", _DLT_NEEDS, _dlt, {"pg_pg_direct": 4.0, "pg_pg_checks": 2.2}),
    Peer("sling", "sling-linux-amd64==1.4.11", _sling, {"pg_pg_direct": 5.0, "pg_pg_checks": 5.0}),
)


def figures(arena: Arena, folder: Path, rounds: int) -> list[Figure]:
    """Return how many times ours is faster; a peer that cannot be installed, or fails, is said and left out."""
    jobs = [job for job in JOBS if job.name in PEERS[0].bars]
    there = [(peer, venv) for peer in PEERS if (venv := _installed(peer, folder)) is not None]
    walls: dict[str, list[float]] = {}
    for _ in range(rounds):  # in turn: a busy neighbour hits everyone alike
        for job in jobs:
            walls.setdefault(job.name, []).append(_ours(arena, job).costs[OURS][0].wall_s)
        for peer, venv in list(there):
            cost = _copy(peer, venv, arena)
            if cost is None:
                there.remove((peer, venv))
                continue
            walls.setdefault(peer.name, []).append(cost.wall_s)
    return [
        _figure(peer, job, walls[peer.name], walls[job.name])
        for peer, _ in there
        for job in jobs
    ]  # fmt: skip


def _ours(arena: Arena, job: Job) -> Played:
    """Play ours alone."""
    alone = Job(job.name, job.yaml, {}, {}, content=job.content, bad=job.bad)
    return play(arena, alone, 1)


def _copy(peer: Peer, venv: Path, arena: Arena) -> Cost | None:
    arena.forget()
    arena.pg.sql("dwh", "CREATE SCHEMA ods")
    try:
        cost = arena.measured(peer.commands(venv, arena))
    except RuntimeError as error:
        print(f"{peer.name} fails here, so it is left out:\n{error}", flush=True)
        return None
    found = arena.pg.sql("dwh", data.digest_sql("ods.orders"))[0]
    wanted = arena.pg.sql("shop", data.digest_sql("orders"))[0]
    if found != wanted:
        print(f"{peer.name}: the target holds (rows, sum) {found} instead of {wanted}; its wall counts all the same")
    return cost


def _figure(peer: Peer, job: Job, theirs: Sequence[float], ours: Sequence[float]) -> Figure:
    pairs = zip(theirs, ours, strict=True)
    told = f"wall {median(ours):.2f} s; {peer.name}: {median(theirs):.2f} s"
    return Figure(f"{job.name}_{peer.name}", median(a / b for a, b in pairs), peer.bars[job.name], "x", told=told)


def _installed(peer: Peer, folder: Path) -> Path | None:
    """Return the peer's environment, made where it is not there yet."""
    venv, uv = folder / peer.name, str(ROOT / ".venv" / "bin" / "uv")
    done = venv / ".installed"
    if done.exists() and done.read_text() == peer.requirement:
        return venv
    subprocess.run([uv, "venv", "--quiet", "--clear", str(venv)], check=True)
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "-p", str(venv / "bin/python")]
    made = subprocess.run([*install, *peer.requirement.split()], capture_output=True, text=True)
    if made.returncode:
        print(f"{peer.requirement} cannot be installed here, so it is left out:\n{made.stderr[-1500:]}", flush=True)
        return None
    done.write_text(peer.requirement)
    return venv
