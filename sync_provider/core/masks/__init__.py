"""One file = one method under `mask:`."""
