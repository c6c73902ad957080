"""What lies between a caller and an agent, measured: ``python -m benchmarks.relay``."""
