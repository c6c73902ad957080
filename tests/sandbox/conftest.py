from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from agentcore_lab.settings import Settings
from tests.sandbox.arena import AGENTS, HELLO, Arena, DockerKind, Kind, ProcessKind


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=pytest.mark.docker),
    ],
)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    """Every sandbox there is, one after the other."""
    if request.param == "docker":
        return DockerKind(Settings.load().cache_dir)
    folder = tmp_path_factory.mktemp("process")
    return ProcessKind(folder / "data", folder / "cache")


@pytest.fixture(scope="session")
def images(kind: Kind) -> Mapping[str, str]:
    """The agents of these tests, built once for each sandbox: name to uri."""
    registry = "123456789012.dkr.ecr.us-west-2.amazonaws.com/agentcore-lab-test"
    folders = {"probe": AGENTS / "probe", "hello": HELLO}
    return {name: kind.build(folder, f"{registry}-{name}:latest").uri for name, folder in folders.items()}


@pytest.fixture
async def arena(kind: Kind, images: Mapping[str, str]) -> AsyncIterator[Arena]:
    """An open backend with an owner of its own, and nothing left of it afterwards."""
    owner = f"test-{secrets.token_hex(4)}"
    backend = kind.backend(owner)
    await backend.open()
    try:
        async with aiohttp.ClientSession() as http:
            yield Arena(kind, backend, owner, images, http)
    finally:
        for sandbox in await backend.owned():
            await backend.stop(sandbox.id, 0)
        for storage_id in await backend.storages():
            await backend.remove_storage(storage_id)
        await backend.close()
