"""Files that run inside the agent's process on the process sandbox; nothing of the engine is imported here."""
