"""Sandboxes as ARM64 containers of the local container engine, one a session."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from agentcore_lab.sandbox import docker_held, docker_volumes
from agentcore_lab.sandbox.base import (
    BackendUnavailable,
    Doorway,
    Image,
    Owned,
    SandboxError,
    SandboxSpec,
    SandboxStatus,
    Usage,
)
from agentcore_lab.sandbox.docker_container import container_name
from agentcore_lab.sandbox.docker_disk import DiskWatch
from agentcore_lab.sandbox.docker_engine import DockerEngine
from agentcore_lab.sandbox.docker_exec import DockerCommand, DockerExec, DockerTerminal, open_shell, run
from agentcore_lab.sandbox.docker_probe import MEND
from agentcore_lab.sandbox.docker_threads import THREADS, Threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from agentcore_lab.sandbox.commands import Size


class DockerBackend:
    """Containers marked with ``owner``; those of other owners are never seen or touched.

    ``vcpus``, ``memory_gib`` and ``disk_gib`` (what it writes outside its storage) limit each sandbox.
    ``publish`` says how agents are reached: at their own address on the engine's bridge (False) or at a port of
    127.0.0.1 (True, for engines in a virtual machine); None decides by what the engine says of itself.
    """

    name = "docker"
    isolation = (
        "Each session is an ARM64 container of its own: no capabilities, its own file system and limits, "
        "and no way to other sessions over the network."
    )

    def __init__(
        self,
        owner: str,
        *,
        network: str = "agentcore-lab",
        vcpus: float = 2,
        memory_gib: float = 8,
        disk_gib: float = 10,
        publish: bool | None = None,
    ) -> None:
        self._owner = owner
        self._connect = partial(
            DockerEngine,
            owner,
            network,
            vcpus=vcpus,
            memory_gib=memory_gib,
            publish=publish,
            connections=THREADS,
        )
        self._threads = Threads()
        self._measuring = asyncio.Lock()
        self._disk = DiskWatch(disk_gib)
        self._watching: asyncio.Task[None] | None = None
        self._open: DockerEngine | None = None

    async def open(self) -> None:
        """Find the engine, see that it runs ARM64, make the network. Raises BackendUnavailable."""
        self._threads.open()
        try:
            self._open = await self._threads.run(self._connect)
        except BackendUnavailable:
            await self.close()
            raise
        except SandboxError as error:
            await self.close()
            raise BackendUnavailable(f"the container engine cannot be used ({error}): {MEND}") from None
        self._watching = asyncio.create_task(
            self._disk.keep(lambda: self._threads.run(self._disk.look, self._engine.client, self._owner))
        )

    @property
    def doorway(self) -> Doorway:
        """The bridge's own address; the engine's machine by name where containers live in a virtual machine."""
        address = self._open and self._open.reached_from
        return Doorway(address, listen_on=address) if address else Doorway("host.docker.internal")

    async def close(self) -> None:
        """Remove the network if nobody uses it any more, and let the engine go."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            self._watching = None
        if self._open is not None:
            await self._threads.run(self._open.close)
            self._open = None
        self._threads.close()

    async def resolve(self, uri: str) -> Image:
        """The local image ``uri`` names now; nothing is pulled, as an ECR-shaped name here is a local tag."""
        return await self._threads.run(self._engine.resolve, uri)

    async def hold(self, digests: Collection[str]) -> None:
        """Give the images a name of the owner's."""
        await self._threads.run(docker_held.hold, self._engine.client, self._owner, digests)

    async def start(self, spec: SandboxSpec) -> None:
        """Create and start the container; a start that fails, or is cancelled, leaves none behind."""
        starting = asyncio.ensure_future(self._threads.run(self._engine.start, spec))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on whatever happens here: see it to its end, then undo what it did.
            await asyncio.wait([starting])
            if starting.exception() is None:
                await self._threads.run(self._engine.stop, spec.id, 0)
            raise

    async def address(self, sandbox_id: str, port: int | None = None) -> str | None:
        """The address on the bridge, or the published port; None if it has neither (yet)."""
        return await self._threads.run(self._engine.address, sandbox_id, port)

    async def status(self, sandbox_id: str) -> SandboxStatus:
        """Whether the container's first process runs, and how it ended."""
        container = await self._threads.run(self._engine.find, sandbox_id)
        if container is None:
            return SandboxStatus(running=False)
        state = container.attrs["State"]
        if state["Running"]:
            return SandboxStatus(running=True)
        return SandboxStatus(
            running=False,
            exit_code=state["ExitCode"],
            out_of_memory=state["OOMKilled"],
            out_of_disk=sandbox_id in self._disk.ended,
        )

    async def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The container's last lines, crashed or not, until it is stopped."""
        return await self._threads.run(self._engine.logs, sandbox_id, tail)

    async def usage(self, sandbox_id: str) -> Usage | None:
        """What the engine's statistics say of the container now."""
        return await self._threads.run(self._engine.usage, sandbox_id)

    @asynccontextmanager
    async def run(self, sandbox_id: str, arguments: Sequence[str]) -> AsyncIterator[DockerCommand]:
        """Run a program in the container, as its user."""
        async with run(await self._program(sandbox_id), arguments) as command:
            yield command

    async def open_shell(self, sandbox_id: str, size: Size) -> DockerTerminal:
        """Start a shell in the container, as its user."""
        return await open_shell(await self._program(sandbox_id), size)

    async def _program(self, sandbox_id: str) -> DockerExec:
        if await self._threads.run(self._engine.find, sandbox_id) is None:
            raise SandboxError(f"sandbox {sandbox_id} does not run")
        return DockerExec(self._engine.client.api, self._threads.run, container_name(sandbox_id))

    async def stop(self, sandbox_id: str, grace: float) -> None:
        """End the container and remove it with its anonymous volumes and its log."""
        await self._threads.run(self._engine.stop, sandbox_id, grace)
        self._disk.ended.discard(sandbox_id)

    async def owned(self) -> list[Owned]:
        """Every container with this owner's label, running or not."""
        return await self._threads.run(self._engine.owned)

    async def storages(self) -> list[str]:
        """Every named volume with this owner's label."""
        return await self._threads.run(lambda: docker_volumes.storages(self._engine.client, self._owner))

    async def storage_size(self, storage_id: str) -> int | None:
        """What the engine says that the volume takes on disk."""
        async with self._measuring:  # the engine refuses to measure twice at a time
            return await self._threads.run(docker_volumes.size, self._engine.client, self._owner, storage_id)

    async def remove_storage(self, storage_id: str) -> None:
        """Remove the volume."""
        await self._threads.run(docker_volumes.remove, self._engine.client, self._owner, storage_id)

    @property
    def _engine(self) -> DockerEngine:
        if self._open is None:
            raise BackendUnavailable("the docker backend is not open")
        return self._open
