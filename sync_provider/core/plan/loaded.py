"""One source file as it was loaded: its plans, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem
from sync_provider.core.contracts import Plan


@dataclass(frozen=True)
class LoadedSource:
    """One source file.

    Args:
        file: path from the project root.
        interfaces: names written under `interfaces:`, in order, broken or not.
        plans: one per interface; () when the file has an error.
        problems: errors, those of project.yaml that stop this source included.
        warnings: what works and may not be meant; they stop nothing.
        clashes: whether what is wrong is about other files' interfaces, which nobody sees who reads this file alone.
        guarantees: what the source type promises where that is weaker than exactly once; "" otherwise.
        environments: those it exists in; () = all.
        roots: effective trees by interface, for `explain`.
    """

    library: str
    name: str
    file: str
    title: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    type: str = ""
    interfaces: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    clashes: bool = False
    guarantees: str = ""
    environments: tuple[str, ...] = ()
    roots: Mapping[str, Node] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """`library.source`."""
        return f"{self.library}.{self.name}"
