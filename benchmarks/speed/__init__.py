"""How near to the limit, and how far ahead of the peers, rows move."""
