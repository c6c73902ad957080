"""The embedded sandbox: each agent is a process of this machine, for where no container engine can be had."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from agentcore_lab.sandbox import process_tree
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
from agentcore_lab.sandbox.commands import Size
from agentcore_lab.sandbox.process_child import Child, Command, launch
from agentcore_lab.sandbox.process_command import prepare
from agentcore_lab.sandbox.process_exec import ProcessCommand, ProcessTerminal, open_shell, run
from agentcore_lab.sandbox.process_log import read_tail
from agentcore_lab.sandbox.process_records import Place, Record, Records
from agentcore_lab.sandbox.process_storage import StorageFolders
from agentcore_lab.sandbox.process_store import ProcessStore
from agentcore_lab.sandbox.process_venv import Environments

_POLL = 0.02
# After SIGKILL a process is gone as soon as the kernel gets to it; longer means that it hangs in the kernel.
_KILL_PATIENCE = 10.0


class ProcessBackend:
    """Sandboxes that are processes: ``<data_dir>/sandboxes/<id>`` is the disk of each.

    An agent gets the image's command in the image's virtual environment, a copy of the image's files, a home and a
    temporary folder of its own, and an environment without anything of the engine's. What it cannot get without a
    container: files at absolute paths (they stay under its own folder, mounts too: only variables that name one are
    put right), another user, a network of its own, limits.
    """

    name = "process"
    isolation = (
        "Agents run as processes of your own user on this machine: each has its own working folder, home and "
        "packages, but they share the kernel, the network and every file you can read, and nothing limits their "
        "CPU or memory."
    )

    def __init__(self, owner: str, *, data_dir: Path, cache_dir: Path) -> None:
        self._owner = owner
        self._store = ProcessStore(data_dir / "images")
        self._environments = Environments(cache_dir / "venvs")
        self._records = Records(data_dir / "sandboxes")
        self._storages = StorageFolders(data_dir / "storage" / owner)
        self._children: dict[str, Child] = {}
        self._surroundings: dict[str, Command] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Make the folders. Raises BackendUnavailable where processes cannot be handled as needed."""
        if os.name != "posix":
            raise BackendUnavailable("the process sandbox needs Linux or macOS; on Windows use WSL")
        try:
            self._records.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BackendUnavailable(f"{self._records.folder} cannot be made: {error.strerror}") from error

    @property
    def doorway(self) -> Doorway:
        """Loopback, which every process has."""
        return Doorway("127.0.0.1")

    async def close(self) -> None:
        """Nothing was taken that is not given back by ``stop``."""

    async def resolve(self, uri: str) -> Image:
        """The image ``uri`` names now; its architecture is this machine's. Raises ImageNotFound."""
        return await asyncio.to_thread(self._store.resolve, uri)

    async def hold(self, digests: Collection[str]) -> None:
        """Nothing to do: nobody else removes images from the data directory."""

    async def start(self, spec: SandboxSpec) -> None:
        """Start the image's command; returns once its process exists."""
        self._records.place(spec.id)  # an id that is no name is refused before anything is made
        if spec.id in self._starting:
            raise SandboxError(f"sandbox {spec.id} is being started already")
        # A caller that gives up must still be able to stop what it began: the start goes on, and stop waits for it.
        starting = asyncio.create_task(self._start(spec))
        self._starting[spec.id] = starting
        starting.add_done_callback(lambda _: self._starting.pop(spec.id, None))
        await asyncio.shield(starting)

    async def address(self, sandbox_id: str, port: int | None = None) -> str | None:
        """Where the agent listens, as its launcher reported it.

        Only what Python programs of the image's environment serve is reported.
        """
        place = self._records.place(sandbox_id)
        record = place.read()
        return place.address(None if record is not None and record.port == port else port)

    async def status(self, sandbox_id: str) -> SandboxStatus:
        """Whether the first process runs; the exit code is known if an engine saw it end."""
        place = self._records.place(sandbox_id)
        record = place.read()
        if record is None or record.leader is None:
            return SandboxStatus(running=False)
        if process_tree.runs(record.leader):
            return SandboxStatus(running=True)
        child = self._children.get(sandbox_id)
        if child is not None:
            await asyncio.to_thread(child.exited.wait, _KILL_PATIENCE)
        return SandboxStatus(running=False, exit_code=place.read_exit())

    async def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The last lines of what the agent wrote."""
        return await asyncio.to_thread(read_tail, self._records.place(sandbox_id).log, tail)

    async def usage(self, sandbox_id: str) -> Usage | None:
        """What the first process and its descendants have used; nothing limits them."""
        record = self._records.place(sandbox_id).read()
        if record is None or record.leader is None:
            return None
        used = await asyncio.to_thread(process_tree.used_by, record.leader)
        return used and Usage(*used)

    @asynccontextmanager
    async def run(self, sandbox_id: str, arguments: Sequence[str]) -> AsyncIterator[ProcessCommand]:
        """Run a program with the agent's environment in the agent's folder; ``stop`` ends it with the agent."""
        async with run(await self._around(sandbox_id), arguments) as command:
            yield command

    async def open_shell(self, sandbox_id: str, size: Size) -> ProcessTerminal:
        """Start a shell in the same place."""
        return await open_shell(await self._around(sandbox_id), size)

    async def _around(self, sandbox_id: str) -> Command:
        if sandbox_id not in self._surroundings or not (await self.status(sandbox_id)).running:
            raise SandboxError(f"sandbox {sandbox_id} does not run")
        return self._surroundings[sandbox_id]

    async def stop(self, sandbox_id: str, grace: float) -> None:
        """End every process of the sandbox and remove its folder."""
        place = self._records.place(sandbox_id)
        if starting := self._starting.get(sandbox_id):
            await asyncio.wait([starting])
        record = await asyncio.to_thread(place.read)
        if record is not None:
            await self._end(place, record, grace)
        self._surroundings.pop(sandbox_id, None)
        child = self._children.pop(sandbox_id, None)
        if child is not None:
            await asyncio.to_thread(child.silent.wait, _KILL_PATIENCE)
            await asyncio.to_thread(child.exited.wait, _KILL_PATIENCE)
        await asyncio.to_thread(place.remove)

    async def owned(self) -> list[Owned]:
        """Every sandbox on disk that this owner started."""
        records = await asyncio.to_thread(lambda: list(self._records.all()))
        return [Owned(record.id, record.labels) for record in records if record.owner == self._owner]

    async def storages(self) -> list[str]:
        """Every storage on disk of this owner."""
        return await asyncio.to_thread(self._storages.ids)

    async def storage_size(self, storage_id: str) -> int | None:
        """The bytes in its files."""
        return await asyncio.to_thread(self._storages.size, storage_id)

    async def remove_storage(self, storage_id: str) -> None:
        """Remove its folder."""
        await asyncio.to_thread(self._storages.remove, storage_id)

    async def _start(self, spec: SandboxSpec) -> None:
        place = self._records.place(spec.id)
        record = Record(spec.id, self._owner, spec.port, dict(spec.labels))
        command = await asyncio.to_thread(self._prepare, place, record, spec)
        child = launch(
            command,
            on_start=lambda leader: place.write(replace(record, leader=leader)),
            on_exit=place.write_exit,
        )
        self._children[spec.id] = child
        self._surroundings[spec.id] = command
        try:
            await asyncio.wrap_future(child.started)
        except OSError as error:
            await asyncio.to_thread(place.remove)
            raise SandboxError(f"sandbox {spec.id} could not be started: {error}") from error

    def _prepare(self, place: Place, record: Record, spec: SandboxSpec) -> Command:
        manifest = self._store.manifest(spec.image.digest)
        self._environments.restore(manifest.python)
        try:
            place.folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise SandboxError(f"sandbox {spec.id} exists already") from None
        try:
            place.write(record)
            tree = self._store.tree(spec.image.digest)
            programs = self._environments.bin(manifest.python)
            return prepare(place, manifest, tree, programs, spec, self._storages)
        except SandboxError:
            place.remove()
            raise
        except OSError as error:
            place.remove()
            raise SandboxError(f"sandbox {spec.id} could not be prepared: {error}") from error

    async def _end(self, place: Place, record: Record, grace: float) -> None:
        mark = place.mark(record.port)
        leader = record.leader
        members = await asyncio.to_thread(process_tree.members, leader, mark, place.folder)
        process_tree.terminate(members)
        if leader is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    while process_tree.runs(leader):  # noqa: ASYNC110 - nothing tells of the end of another's child
                        await asyncio.sleep(_POLL)
        try:
            async with asyncio.timeout(_KILL_PATIENCE):
                while members := await asyncio.to_thread(
                    process_tree.members, leader, mark, place.folder, members
                ):
                    process_tree.kill(members)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise SandboxError(f"processes of sandbox {record.id} outlive SIGKILL: {members}") from None
