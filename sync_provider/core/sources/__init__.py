"""One file = one YAML `type:` under `source:`."""
