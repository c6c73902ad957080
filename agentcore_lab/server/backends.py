"""Which sandbox backend an engine uses, and the mark by which it knows its own sandboxes."""

from __future__ import annotations

import secrets
from pathlib import Path

from agentcore_lab.sandbox.base import Backend
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_probe import docker_unavailable
from agentcore_lab.sandbox.process import ProcessBackend
from agentcore_lab.settings import Settings


async def open_backend(settings: Settings) -> Backend:
    """The backend the settings ask for, opened; ``auto`` takes Docker where it can run ARM64, else processes.

    Raises:
        BackendUnavailable: the one asked for cannot be used here.
    """
    owner = _owner(settings.data_dir)
    if settings.sandbox == "process" or (settings.sandbox == "auto" and docker_unavailable()):
        backend: Backend = ProcessBackend(owner, data_dir=settings.data_dir, cache_dir=settings.cache_dir)
    else:
        backend = DockerBackend(owner)
    await backend.open()
    return backend


def _owner(data_dir: Path) -> str:
    """A random name that belongs to the data directory: sandboxes marked with it are this engine's."""
    path = data_dir / "owner"
    if not path.exists():
        path.write_text(secrets.token_hex(8))
    return path.read_text().strip()
