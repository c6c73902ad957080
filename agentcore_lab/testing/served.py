"""An engine in a thread of the test's process."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from agentcore_lab.clock import Clock, SystemClock
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.images.build import Builder
from agentcore_lab.runtime.throttle import Kind
from agentcore_lab.sandbox.base import Backend
from agentcore_lab.server.doors import Doors
from agentcore_lab.server.engine import open_engine
from agentcore_lab.server.packaging import Packaging
from agentcore_lab.settings import Settings

_DRAIN_SECONDS = 1

UNMETERED = {kind.value: 1_000_000 for kind in Kind}
"""Rates no test meets, as ``quotas`` of its settings: on a clock that stands still a second never ends."""


@contextmanager
def engine_in_thread(
    settings: Settings,
    backend: Backend,
    clock: Clock,
    packaging: Packaging | None = None,
    builder: Builder | None = None,
) -> Iterator[RunningEngine]:
    """An engine on a free loopback port, served from a thread until the end of the block.

    ``packaging``: where code artifacts come from and what makes images of them, ``builder``: what makes CodeBuild's
    images, if not as in any engine.
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
            open_engine(settings, backend, clock, about, doors.inside, packaging, builder) as applications,
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
