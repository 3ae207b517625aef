"""The console script `sync-provider`."""
