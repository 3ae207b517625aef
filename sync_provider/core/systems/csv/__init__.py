"""CSV files: their format, their bytes as UTF-8, their rows as frames."""
