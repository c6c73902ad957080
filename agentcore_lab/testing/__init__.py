"""For tests with the engine: a clock that stands still, sandboxes that follow a script, an engine in a thread."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from agentcore_lab.clock import Clock, SystemClock, wake
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.runtime.proof import PROOF, PURPOSE
from agentcore_lab.runtime.throttle import Kind
from agentcore_lab.sandbox.base import (
    Backend,
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
from agentcore_lab.server.doors import Doors
from agentcore_lab.server.engine import Packaging, open_engine
from agentcore_lab.settings import Settings
from agentcore_lab.testing.commands import (
    CommandScript,
    ScriptedCommand,
    ScriptedTerminal,
    ShellScript,
    echoing,
    said_so,
)

_DRAIN_SECONDS = 1

UNMETERED = {kind.value: 1_000_000 for kind in Kind}
"""Rates no test meets, as ``quotas`` of its settings: on a clock that stands still a second never ends."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeClock:
    """A clock that moves only when it is advanced; safe to advance from another thread."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._start = self._now = start
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The moment it stands at."""
        return self._now

    @property
    def ahead(self) -> timedelta:
        """How far it has been advanced since the start."""
        return self._now - self._start

    def at(self, machine: datetime) -> datetime:
        """The same moment: scripted agents keep this clock's time."""
        return machine

    def advance(self, by: timedelta) -> None:
        """Move forward and wake every sleeper whose moment has come."""
        if by < timedelta():
            raise ValueError("a clock only goes forward")
        with self._lock:
            self._now += by
            due = [sleeper for moment, sleeper in self._sleepers if moment <= self._now]
            self._sleepers = [(moment, sleeper) for moment, sleeper in self._sleepers if moment > self._now]
        for sleeper in due:
            if not sleeper.get_loop().is_closed():
                sleeper.get_loop().call_soon_threadsafe(wake, sleeper)

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until the clock has been advanced to ``moment``."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if moment <= self._now:
                return
            self._sleepers.append((moment, sleeper))
        await sleeper


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
    in each storage: names of files, and their sizes in bytes.
    """

    images: dict[str, tuple[Image, Script]] = field(default_factory=dict)
    running: dict[str, _Running] = field(default_factory=dict)
    started: list[SandboxSpec] = field(default_factory=list)
    proofs: list[SandboxSpec] = field(default_factory=list)
    stopped: list[tuple[str, float]] = field(default_factory=list)
    stored: dict[str, dict[str, int]] = field(default_factory=dict)
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
            # asyncio loses, and leaks, a connection that a server took and has not handed over yet when it closes:
            # take no more, and let those taken through.
            asyncio.get_running_loop().remove_reader(listener.fileno())
            for _ in range(3):
                await asyncio.sleep(0)
            await runner.cleanup()
            listener.close()  # the server never knew of it if its start was cancelled


@contextmanager
def engine_in_thread(
    settings: Settings, backend: Backend, clock: Clock, packaging: Packaging | None = None
) -> Iterator[RunningEngine]:
    """An engine on a free loopback port, served from a thread until the end of the block.

    ``packaging``: where code artifacts come from and what makes images of them, if not as in any engine.
    """
    ready: threading.Event = threading.Event()
    found: list[RunningEngine] = []
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run() -> None:
        await backend.open()
        listener = socket.create_server((settings.host, 0))
        about = _about(settings, backend, clock, listener.getsockname()[1])
        doors = Doors.of(settings, backend.doorway, listener, SystemClock().now(), _DRAIN_SECONDS)
        async with (
            open_engine(settings, backend, clock, about, doors.inside, packaging) as applications,
            AsyncExitStack() as serving,
        ):
            await doors.open(serving, applications.outside, applications.inside)
            found.append(about)
            ready.set()
            await stopping.wait()
        await backend.close()

    def main() -> None:
        try:
            # The runner ends what is left: a connection accepted at the last moment, a transport half closed.
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(run())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    thread = threading.Thread(target=main, name="engine")
    thread.start()
    ready.wait()
    try:
        if found:
            yield found[0]
    finally:
        if found and not failed:
            loop.call_soon_threadsafe(stopping.set)
        thread.join()
        if failed:
            raise failed[0]


def _about(settings: Settings, backend: Backend, clock: Clock, port: int) -> RunningEngine:
    return RunningEngine(
        url=f"http://{settings.host}:{port}",
        pid=0,
        instance=f"test-{secrets.token_hex(4)}",
        sandbox=backend.name,
        isolation=backend.isolation,
        version="test",
        region=settings.region,
        account_id=settings.account_id,
        data_dir=str(settings.data_dir),
        started_at=clock.now().isoformat(),
        tls=settings.tls,
    )
