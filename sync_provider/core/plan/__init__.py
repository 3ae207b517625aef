"""Effective config → Plan: pure data that the DAG parser, the tasks and `explain` hold."""

from sync_provider.core.config.problems import Problem
from sync_provider.core.plan.loaded import LoadedSource
from sync_provider.core.plan.origins import explain
from sync_provider.core.plan.project import Project, load_project

__all__ = ["LoadedSource", "Problem", "Project", "explain", "load_project"]
