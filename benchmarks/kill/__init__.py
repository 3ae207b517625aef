"""The kill matrix: every fault at every point of every kind of batch load, and what the target held after."""
