"""One file = one word under `checks:`."""
