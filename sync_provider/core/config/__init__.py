"""YAML → positions → models → one effective config per interface; every value knows its file:line."""
