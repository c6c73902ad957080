"""The builders that go with a sandbox."""

from __future__ import annotations

from agentcore_lab.images.bases import FILE, Bases
from agentcore_lab.images.build import Builder
from agentcore_lab.images.code_builder import CodeBuilder
from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.images.docker_code import DockerCodeBuilder
from agentcore_lab.images.process_builder import ProcessBuilder
from agentcore_lab.images.process_code import ProcessCodeBuilder
from agentcore_lab.sandbox.process_store import ProcessStore
from agentcore_lab.settings import Settings


def builder_for(sandbox: str, settings: Settings) -> Builder:
    """What builds images for the backend named ``sandbox``."""
    if sandbox == "process":
        return ProcessBuilder(ProcessStore(settings.data_dir / "images"), settings.cache_dir)
    return DockerBuilder(settings.cache_dir, bases=Bases(settings.data_dir / FILE))


def code_builder_for(sandbox: str, settings: Settings) -> CodeBuilder:
    """What makes images of code artifacts for the backend named ``sandbox``."""
    if sandbox == "process":
        return ProcessCodeBuilder(ProcessStore(settings.data_dir / "images"), settings.cache_dir)
    return DockerCodeBuilder(settings.cache_dir)
