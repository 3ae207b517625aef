"""Contracts a plugin author subclasses to prove a source or a target."""
