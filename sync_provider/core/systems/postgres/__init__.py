"""PostgreSQL: sessions, errors, names, types and probes."""
