"""The engine's HTTP face: AWS's wire protocol on one port, and the lab's own small API beside it."""
