"""Programs of the repository: making its environment, running its tests."""
