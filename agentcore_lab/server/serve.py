"""Running an engine in the foreground: lock, socket, note, signals, drain."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from agentcore_lab import __version__
from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import RunningEngine, leave_note, remove_note, sole_owner
from agentcore_lab.server.backends import open_backend
from agentcore_lab.server.doors import Doors
from agentcore_lab.server.engine import open_engine
from agentcore_lab.server.listening import listen
from agentcore_lab.settings import Settings

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 10.0


async def serve(settings: Settings, *, any_port: bool, on_ready: Callable[[RunningEngine], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end, end every session and leave nothing behind.

    ``any_port``: take a free port when the settings' port is taken.

    Raises:
        EngineAlreadyRuns: the data directory has its engine.
        BackendUnavailable: the sandbox asked for cannot be used here.
        PortTaken: the port is taken and no other may be used.
    """
    with sole_owner(settings.data_dir), listen(settings.host, settings.port, any_port=any_port) as listener:
        stop = _stop_signal()
        backend = await open_backend(settings)
        try:
            clock = SystemClock()
            about = RunningEngine(
                url=f"http://{settings.host}:{listener.getsockname()[1]}",
                pid=os.getpid(),
                instance=secrets.token_hex(8),
                sandbox=backend.name,
                isolation=backend.isolation,
                version=__version__,
                region=settings.region,
                account_id=settings.account_id,
                data_dir=str(settings.data_dir),
                started_at=clock.now().isoformat(),
                tls=settings.tls,
            )
            doors = Doors.of(settings, backend.doorway, listener, clock.now(), _DRAIN_SECONDS)
            async with (
                open_engine(settings, backend, clock, about, doors.inside) as applications,
                AsyncExitStack() as serving,
            ):
                await doors.open(serving, applications.outside, applications.inside)
                leave_note(about)
                on_ready(about)
                try:
                    await stop.wait()
                    log.info("stopping: running requests have %g s to end", _DRAIN_SECONDS)
                finally:
                    remove_note(settings.data_dir)
        finally:
            await backend.close()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
