"""One file per system, shared by its source and its target: dialect, copy, types, error codes, probe."""
