"""Real servers that the tests start and stop, each on a free port in a temporary folder."""
