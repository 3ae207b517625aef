"""One file = one word under `clean:`."""
