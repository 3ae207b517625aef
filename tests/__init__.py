"""All tests; the directory says what must be running."""
