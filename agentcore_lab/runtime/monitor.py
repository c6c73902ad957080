"""One task that sleeps until the earliest deadline: no timer per session, no status that changes by being read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from agentcore_lab.clock import Clock


class Monitor:
    """Calls ``tick`` when the earliest expected moment has come.

    Only that one moment is kept: a tick looks at every session, and each of them says again what it expects. A
    moment that has lost its meaning by then (the session was used again) costs one tick that changes nothing.
    """

    def __init__(self, clock: Clock, tick: Callable[[], None]) -> None:
        self._clock = clock
        self._tick = tick
        self._next: datetime | None = None
        self._earlier = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def expect(self, moment: datetime) -> None:
        """Tick at ``moment``, unless a tick is due before it anyway."""
        if self._next is None or moment < self._next:
            self._next = moment
            self._earlier.set()

    async def _run(self) -> None:
        while True:
            self._earlier.clear()
            if self._next is None:
                await self._earlier.wait()
                continue
            await self._sleep_until(self._next)
            if self._next <= self._clock.now():
                self._next = None
                self._tick()

    async def _sleep_until(self, moment: datetime) -> None:
        """Until ``moment``, or until an earlier one is expected."""
        waits = {
            asyncio.create_task(self._clock.sleep_until(moment)),
            asyncio.create_task(self._earlier.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
