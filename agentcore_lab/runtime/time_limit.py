"""A limit on how long something may take, counted by the engine's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from agentcore_lab.clock import Clock


class TimeLimit:
    """A limit under way, which may be set anew."""

    def __init__(self, clock: Clock, scope: asyncio.Timeout) -> None:
        self._clock = clock
        self._scope = scope
        self._began = clock.now()
        self._watching: asyncio.Task[None] | None = None

    def allow(self, seconds: float) -> None:
        """From its beginning the block may take this long."""
        self.lift()
        self._watching = asyncio.create_task(self._watch(seconds))

    def lift(self) -> None:
        """No limit any more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self, seconds: float) -> None:
        await self._clock.sleep_until(self._began + timedelta(seconds=seconds))
        self._scope.reschedule(asyncio.get_running_loop().time())


@asynccontextmanager
async def time_limit(clock: Clock, seconds: float) -> AsyncIterator[TimeLimit]:
    """Cancel the block once the clock says that it took ``seconds``. Raises TimeoutError."""
    async with asyncio.timeout(None) as scope:
        limit = TimeLimit(clock, scope)
        limit.allow(seconds)
        try:
            yield limit
        finally:
            limit.lift()
