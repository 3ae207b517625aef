"""What `columns:` does to a frame: cast, rename, compute, drop."""
