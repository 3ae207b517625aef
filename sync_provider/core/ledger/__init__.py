"""What we keep in the target, committed with the rows: checkpoint, load, rejected, lease."""
