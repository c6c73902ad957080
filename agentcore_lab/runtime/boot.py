"""From a version to an agent that answers: what its sandbox is made of, and its start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from agentcore_lab.runtime.limits import STARTUP_BUDGET_SECONDS, startup_budget
from agentcore_lab.runtime.ports import reachable_ports
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.startup import await_healthy
from agentcore_lab.runtime.versions import Version
from agentcore_lab.sandbox.base import Backend, Image, Mount, SandboxSpec, Secure


@dataclass(frozen=True, slots=True)
class Inside:
    """How agents reach the engine: the variables that lead AWS's clients there, and HTTPS under AWS's own names."""

    variables: Mapping[str, str]
    secure: Secure | None = None


async def as_pinned(version: Version) -> Image:
    """The image a version was made from, where that is one."""
    assert version.image is not None, "only versions with an image can be started"
    return version.image


def _nothing(_sandbox_id: str, _version: Version) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Boot:
    """Starts agents, for sessions and for proofs alike.

    ``environment`` says what an agent of a version finds in its environment, ``files`` what one sandbox of it is
    given besides; ``budget`` is how many seconds of real time it has until it must have answered its health check.
    ``image_of`` is what a version's sandboxes start from.
    """

    backend: Backend
    client: aiohttp.ClientSession
    environment: Callable[[Version], Mapping[str, str]]
    budget: float = STARTUP_BUDGET_SECONDS
    secure: Secure | None = None
    files: Callable[[str, Version], Mapping[str, str]] = _nothing
    image_of: Callable[[Version], Awaitable[Image]] = as_pinned

    async def start(
        self, sandbox_id: str, version: Version, labels: Mapping[str, str], mounts: Sequence[Mount]
    ) -> str:
        """The base address of an agent of ``version``, once it is healthy; ``labels`` say what it is for.

        Raises:
            RuntimeClientError: it ended, or was not healthy in time, or its artifact is refused.
            SandboxError: the backend could not start it.
        """
        protocol = protocol_of(version.spec)
        spec = SandboxSpec(
            id=sandbox_id,
            image=await self.image_of(version),
            port=protocol.port,
            environment=self.environment(version),
            labels={
                "agentcore-lab.runtime": version.runtime_id,
                "agentcore-lab.version": str(version.number),
                **labels,
            },
            mounts=mounts,
            ports=reachable_ports(version.spec),
            secure=self.secure,
            files=self.files(sandbox_id, version),
        )
        await self.backend.start(spec)
        promised = startup_budget(version.spec)
        return await await_healthy(self.backend, self.client, sandbox_id, protocol, self.budget, promised)
