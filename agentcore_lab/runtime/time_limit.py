"""Limits on how long things may take, counted by the engine's clock: one task watches all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.monitor import Monitor


class TimeLimit:
    """A limit under way, which may be set anew."""

    def __init__(self, monitor: Monitor, began: datetime, scope: asyncio.Timeout) -> None:
        self._monitor = monitor
        self._began = began
        self._scope = scope
        self.due = began

    def allow(self, seconds: float) -> None:
        """From its beginning the block may take this long."""
        self.due = self._began + timedelta(seconds=seconds)
        self._monitor.expect(self.due)

    def look(self, now: datetime) -> None:
        """Cancel the block if its time is over, else be looked at again when it is."""
        if self.due <= now:
            self._scope.reschedule(asyncio.get_running_loop().time())
        else:
            self._monitor.expect(self.due)


class TimeLimits:
    """The limits of an engine's running calls; watched from ``open`` to ``close``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[TimeLimit] = set()
        self._monitor = Monitor(clock, self._tick)

    def open(self) -> None:
        """Begin to watch."""
        self._monitor.open()

    async def close(self) -> None:
        """Stop watching."""
        await self._monitor.close()

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[TimeLimit]:
        """Cancel the block once the clock says that it took ``seconds``. Raises TimeoutError."""
        async with asyncio.timeout(None) as scope:
            limit = TimeLimit(self._monitor, self._clock.now(), scope)
            limit.allow(seconds)
            self._running.add(limit)
            try:
                yield limit
            finally:
                self._running.discard(limit)

    def _tick(self) -> None:
        now = self._clock.now()
        for limit in list(self._running):
            limit.look(now)
