"""Effective config → Plan: pure data that the DAG parser, the tasks and `explain` hold."""
