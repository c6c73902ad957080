"""Faults planted in the engine one at a time, to see which test and which lab notices (docs/faults.md)."""
