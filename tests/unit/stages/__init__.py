"""The stages a row goes through, and what they are compiled from."""
