"""Agent images: reading a Dockerfile, and building it for linux/arm64 without running anything emulated."""
