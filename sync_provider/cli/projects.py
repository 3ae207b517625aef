"""What a command over all interfaces says about the project it was given."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync_provider.core.plan import Problem, Project

EMPTY = "no source file is there yet; write config/sources/<library>/<source>.yaml"


def left_out(project: Project) -> bool:
    """Say on stderr, shortly, which files a command passes over, or that there are none at all.

    Returns:
        Whether something is wrong: the command's exit code is then 1.
    """
    if not project.problems:
        if not project.sources:
            print(EMPTY, file=sys.stderr)
        return False
    broken = [source.file for source in project.sources if source.problems]
    if project.own_problems:
        print(from_here(project.own_problems[0], project.root).text(), file=sys.stderr)
    if broken:
        what = f"{len(broken)} file(s) with problems are left out: {', '.join(broken[:5])}"
        print(f"{what}\n  fix: run `sync-provider validate`", file=sys.stderr)
    return True


def from_here(problem: Problem, root: Path) -> Problem:
    """Return a problem whose path works from where the command was started."""
    try:
        here = Path(os.path.relpath(root / problem.file)).as_posix()
    except ValueError:  # another drive
        here = str(root / problem.file)
    template = from_here(problem.template, root) if problem.template else None
    return replace(problem, file=here, template=template)
