"""What survives a restart: one SQLite file in the data directory."""
