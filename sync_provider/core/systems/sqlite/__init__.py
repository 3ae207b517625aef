"""SQLite: sessions, errors, names, types and probes."""
