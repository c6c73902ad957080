"""The same world on ARM64 containers."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from docker import DockerClient

from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox.base import Owned
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_container import container_name
from agentcore_lab.settings import Settings
from tests.runtime.model.expected import Artifact, Proof
from tests.runtime.model.tally import Tally
from tests.runtime.model.world import World

AGENT = Path(__file__).parent / "agent"
REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


def build_agent(client: DockerClient) -> str:
    """The URI of the agent that does as it is told; of this test run alone, to be removed by who built it."""
    uri = f"{REGISTRY}/agentcore-lab-test-told:{uuid.uuid4().hex[:8]}"
    return DockerBuilder(Settings.load().cache_dir, client).build(AGENT, uri, on_step=lambda _: None).uri


class DockerWorld(World):
    """Agents are emulated containers; the engine's clock still stands until it is moved. No proof can be held."""

    patience = 120.0
    answer = 15.0

    def __init__(
        self, folder: Path, tally: Tally, client: DockerClient, uri: str, *, runtimes: int, ids: int
    ) -> None:
        self._containers = DockerBackend(f"test-{secrets.token_hex(4)}")
        super().__init__(folder, self._containers, tally, runtimes=runtimes, ids=ids)
        self._client = client
        self._uri = uri

    def close(self) -> None:
        """End the engine, and see, through the backend opened once more, that nothing is left running."""
        self._stack.close()
        assert asyncio.run(self._left()) == []

    async def _left(self) -> list[Owned]:
        await self._containers.open()
        try:
            return await self._containers.owned()
        finally:
            await self._containers.close()

    def owned(self) -> list[Owned]:
        return asyncio.run(self._containers.owned())

    def artifact(self, proof: Proof) -> Artifact:
        return Artifact(self._uri, proof, () if proof is Proof.HEALTHY else (("BROKEN", "1"),))

    def judge(self, artifact: Artifact, _proof: Proof) -> Artifact:
        """A container's environment decides, once and for all."""
        return artifact

    def say(self, sandbox_id: str, code: int, body: dict[str, Any]) -> None:
        self._tell(sandbox_id, {"code": code, "body": body})

    def release(self, sandbox_id: str) -> None:
        self._tell(sandbox_id, {"release": True})

    def crash(self, sandbox_id: str) -> None:
        container = self._client.containers.get(container_name(sandbox_id))
        container.kill()
        container.wait()

    def _tell(self, sandbox_id: str, what: dict[str, Any]) -> None:
        address = asyncio.run(self._containers.address(sandbox_id))
        request = Request(f"{address}/told", data=json.dumps(what).encode(), method="POST")
        with urlopen(request, timeout=self.patience) as answer:
            assert answer.status == 200
