"""What we keep of runs outside the target: reports."""
