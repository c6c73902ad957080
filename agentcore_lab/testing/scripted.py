"""Sandboxes that follow a script: quick, and as badly behaved as a test wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from agentcore_lab.runtime.proof import PROOF, PURPOSE
from agentcore_lab.sandbox.base import (
    Doorway,
    Image,
    ImageNotFound,
    Owned,
    SandboxError,
    SandboxSpec,
    SandboxStatus,
    UnsupportedArchitecture,
    Usage,
)
from agentcore_lab.sandbox.commands import Size
from agentcore_lab.server.listening import take_no_more
from agentcore_lab.testing.commands import (
    CommandScript,
    ScriptedCommand,
    ScriptedTerminal,
    ShellScript,
    echoing,
    said_so,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _echo(request: web.Request) -> web.StreamResponse:
    return web.Response(body=await request.read(), content_type=request.content_type)


async def _healthy(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "Healthy"})


@dataclass(frozen=True, slots=True)
class Script:
    """How a scripted agent behaves.

    ``exits``: its exit code, if it ends as soon as it starts. ``unhealthy_pings``: how many health checks it fails
    first. ``log``: what it writes. ``answer``: its /invocations. ``posts`` and ``gets``: what else it answers, by path.
    ``proof``: how it behaves in the sandbox that proves its version healthy, where that differs. ``ping``: its /ping
    once those have failed. ``usage``: what it says to have used. ``command``, ``shell``: what is run beside it.
    ``ports``: what answers everything at other ports of its sandbox.
    """

    exits: int | None = None
    unhealthy_pings: int = 0
    log: Sequence[str] = ()
    answer: Handler = _echo
    posts: Mapping[str, Handler] = field(default_factory=dict)
    gets: Mapping[str, Handler] = field(default_factory=dict)
    proof: Script | None = None
    ping: Handler = _healthy
    usage: Usage | None = None
    command: CommandScript = said_so
    shell: ShellScript = echoing
    ports: Mapping[int, Handler] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    spec: SandboxSpec
    script: Script
    servers: list[tuple[web.AppRunner, socket.socket]] = field(default_factory=list)
    addresses: dict[int | None, str] = field(default_factory=dict)
    pings: int = 0
    exited: int | None = None
    loop: asyncio.AbstractEventLoop | None = None
    beside: list[ScriptedCommand | ScriptedTerminal] = field(default_factory=list)


@dataclass(slots=True)
class ScriptedBackend:
    """A sandbox backend whose agents are scripts in this process: quick, and as badly behaved as a test wants.

    ``started`` are the sandboxes of sessions, ``proofs`` those that proved a version healthy. ``stored`` is what lies
    in each storage: names of files, and their sizes in bytes; ``held`` are digests of images that versions need.
    """

    images: dict[str, tuple[Image, Script]] = field(default_factory=dict)
    running: dict[str, _Running] = field(default_factory=dict)
    started: list[SandboxSpec] = field(default_factory=list)
    proofs: list[SandboxSpec] = field(default_factory=list)
    stopped: list[tuple[str, float]] = field(default_factory=list)
    stored: dict[str, dict[str, int]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    name: str = "scripted"
    isolation: str = "None: scripted agents share the test's process."

    def add(self, uri: str, script: Script | None = None, architecture: str = "arm64") -> Image:
        """Make ``uri`` name an image that behaves as ``script`` says; a new digest every time."""
        image = Image(uri, f"sha256:{len(self.images):064x}", architecture)
        self.images[uri] = (image, script or Script())
        self.images[image.digest] = self.images[uri]
        return image

    def crash(self, sandbox_id: str, exit_code: int = 137) -> None:
        """End a running sandbox's process as a crash would; to be called from outside the engine's thread."""
        running = self.running[sandbox_id]
        assert running.loop is not None
        asyncio.run_coroutine_threadsafe(self._exit(running, exit_code), running.loop).result()

    def unplug(self, sandbox_id: str) -> None:
        """Let a running sandbox listen no more though its process runs; to be called as ``crash`` is."""
        running = self.running[sandbox_id]
        assert running.loop is not None
        asyncio.run_coroutine_threadsafe(self._silence(running), running.loop).result()

    @property
    def doorway(self) -> Doorway:
        """Loopback: scripted agents run in the test's process."""
        return Doorway("127.0.0.1")

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def resolve(self, uri: str) -> Image:
        """The image added under ``uri``."""
        if uri not in self.images:
            raise ImageNotFound(uri)
        image = self.images[uri][0]
        if image.architecture != "arm64":
            raise UnsupportedArchitecture(uri, image.architecture)
        return image

    async def hold(self, digests: Collection[str]) -> None:
        """Remember what is needed."""
        self.held.update(digests)

    async def start(self, spec: SandboxSpec) -> None:
        """Start the script of the spec's digest."""
        script = self.images[spec.image.digest][1]
        proving = spec.labels.get(PURPOSE) == PROOF
        running = _Running(spec, script.proof or script if proving else script)
        self.running[spec.id] = running
        for mount in spec.mounts:
            self.stored.setdefault(mount.storage_id, {})
        (self.proofs if proving else self.started).append(spec)
        if running.script.exits is not None:
            running.exited = running.script.exits
            return
        await self._serve(running)

    async def _serve(self, running: _Running) -> None:
        async def ping(request: web.Request) -> web.StreamResponse:
            running.pings += 1
            if running.pings <= running.script.unhealthy_pings:
                return web.json_response({"status": "Healthy"}, status=503)
            return await running.script.ping(request)

        app = web.Application(client_max_size=0)
        app.router.add_get("/ping", ping)
        app.router.add_post("/invocations", running.script.answer)
        for path, handler in running.script.posts.items():
            app.router.add_post(path, handler)
        for path, handler in running.script.gets.items():
            app.router.add_get(path, handler)
        running.loop = asyncio.get_running_loop()
        await self._listen(running, None, app)
        for port, handler in running.script.ports.items():
            other = web.Application(client_max_size=0)
            other.router.add_route("*", "/{path:.*}", handler)
            await self._listen(running, port, other)

    async def _listen(self, running: _Running, port: int | None, app: web.Application) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        running.servers.append((runner, listener))
        await runner.setup()
        await web.SockSite(runner, listener).start()
        running.addresses[port] = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def address(self, sandbox_id: str, port: int | None = None) -> str | None:
        """Where the script answers."""
        running = self.running.get(sandbox_id)
        if running is None:
            return None
        if port is None or port == running.spec.port:
            return running.addresses.get(None)
        return running.addresses.get(port) if any(port in span for span in running.spec.ports) else None

    async def status(self, sandbox_id: str) -> SandboxStatus:
        """Whether the script runs."""
        running = self.running.get(sandbox_id)
        if running is None:
            return SandboxStatus(running=False)
        return SandboxStatus(running=running.exited is None, exit_code=running.exited)

    async def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The script's log."""
        running = self.running.get(sandbox_id)
        return list(running.script.log)[-tail:] if running else []

    async def usage(self, sandbox_id: str) -> Usage | None:
        """What the script says."""
        running = self.running.get(sandbox_id)
        return running.script.usage if running else None

    @asynccontextmanager
    async def run(self, sandbox_id: str, arguments: Sequence[str]) -> AsyncIterator[ScriptedCommand]:
        """Run the script's command."""
        running = self._alive(sandbox_id)
        command = ScriptedCommand(running.script.command, arguments)
        running.beside.append(command)
        try:
            yield command
        finally:
            await command.kill()

    async def open_shell(self, sandbox_id: str, size: Size) -> ScriptedTerminal:
        """Start the script's shell."""
        running = self._alive(sandbox_id)
        terminal = ScriptedTerminal(running.script.shell, size)
        running.beside.append(terminal)
        return terminal

    def _alive(self, sandbox_id: str) -> _Running:
        running = self.running.get(sandbox_id)
        if running is None or running.exited is not None:
            raise SandboxError(f"sandbox {sandbox_id} does not run")
        return running

    async def stop(self, sandbox_id: str, grace: float) -> None:
        """End the script, which takes no time; ``stopped`` keeps the grace it was given."""
        self.stopped.append((sandbox_id, grace))
        if running := self.running.pop(sandbox_id, None):
            await self._exit(running, 0)

    async def owned(self) -> list[Owned]:
        """Every script that was started and not stopped."""
        return [Owned(running.spec.id, running.spec.labels) for running in self.running.values()]

    async def storages(self) -> list[str]:
        """Every storage a sandbox had and nobody removed."""
        return list(self.stored)

    async def storage_size(self, storage_id: str) -> int | None:
        """What its files say."""
        return sum(self.stored[storage_id].values()) if storage_id in self.stored else None

    async def remove_storage(self, storage_id: str) -> None:
        """Forget it, unless a sandbox has it: then the engine has made a mistake."""
        if any(storage_id == each.storage_id for one in self.running.values() for each in one.spec.mounts):
            raise SandboxError(f"storage {storage_id} is mounted")
        self.stored.pop(storage_id, None)

    async def _exit(self, running: _Running, exit_code: int) -> None:
        if running.exited is None:
            running.exited = exit_code
        for beside in running.beside:
            beside.task.cancel()
        await self._silence(running)

    async def _silence(self, running: _Running) -> None:
        servers, running.servers = running.servers, []
        for runner, listener in servers:
            try:
                await take_no_more(listener)
                await runner.cleanup()
            finally:
                listener.close()  # the server never knew of it if its start was cancelled
