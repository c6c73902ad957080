"""Which sandbox backend an engine uses."""

from __future__ import annotations

from agentcore_lab.sandbox.base import Backend
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_probe import docker_unavailable
from agentcore_lab.sandbox.ownership import owner_of
from agentcore_lab.sandbox.process import ProcessBackend
from agentcore_lab.settings import Settings


async def open_backend(settings: Settings) -> Backend:
    """The backend the settings ask for, opened; ``auto`` takes Docker where it can run ARM64, else processes.

    Raises:
        BackendUnavailable: the one asked for cannot be used here.
    """
    owner = owner_of(settings.data_dir, settings.cache_dir)
    if settings.sandbox == "process" or (settings.sandbox == "auto" and docker_unavailable()):
        backend: Backend = ProcessBackend(owner, data_dir=settings.data_dir, cache_dir=settings.cache_dir)
    else:
        backend = DockerBackend(owner)
    await backend.open()
    return backend
