"""How much of the machine's disk a container takes, and its end when that is more than a session has.

Docker limits what a container writes only on few file systems (XFS or ZFS, not ext4). Where it does not, one agent
could fill the machine's disk and with it every other session's: what each has written is looked at every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound

from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.docker_container import OWNER, SANDBOX, container_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docker import DockerClient

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
_GIB = 1024**3


class DiskWatch:
    """Ends what outgrows ``limit_gib``; ``ended`` are the ids it has ended and that have not been forgotten."""

    def __init__(self, limit_gib: float) -> None:
        self._limit = int(limit_gib * _GIB)
        self.ended: set[str] = set()

    async def keep(self, look: Callable[[], Awaitable[None]]) -> None:
        """Look every few seconds, whatever becomes of one look, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            with suppress(SandboxError):  # an engine that does not answer is told of elsewhere
                await look()

    def look(self, client: DockerClient, owner: str) -> None:
        """Kill the containers of ``owner`` that have written too much. Raises APIError."""
        for sandbox_id in _larger_than(self._limit, client, owner):
            self.ended.add(sandbox_id)
            log.warning(
                "sandbox %s has written more than %.1f GB and is ended", sandbox_id, self._limit / 1e9
            )
            with suppress(NotFound):
                client.containers.get(container_name(sandbox_id)).kill()


def _larger_than(limit: int, client: DockerClient, owner: str) -> list[str]:
    """The ids of running sandboxes by what lies in their own layer, as ``docker ps --size`` tells."""
    filters = {"label": f"{OWNER}={owner}", "status": "running"}
    if not client.api.containers(filters=filters):
        return []  # sizes make the engine count files: not for nothing
    try:
        found: list[dict[str, Any]] = client.api.containers(filters=filters, size=True)
    except APIError:
        return []  # one of them has just ended
    return [each["Labels"][SANDBOX] for each in found if int(each.get("SizeRw") or 0) > limit]
