"""The one reader of time.

Everything that asks what time it is, or waits for a moment, takes a Clock: tests and labs advance it.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return once ``now()`` has reached ``moment``."""
        ...


class SystemClock:
    """The machine's clock, which may be set ahead while it runs."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._advanced = asyncio.Event()

    def now(self) -> datetime:
        """The machine's time plus all that was advanced."""
        return datetime.now(UTC) + self._ahead  # noqa: TID251 - this is the one place

    def advance(self, by: timedelta) -> None:
        """Set the clock ahead by ``by`` and wake whoever sleeps on it."""
        if by < timedelta():
            raise ValueError("a clock only goes forward")
        self._ahead += by
        self._advanced.set()
        self._advanced = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep until the machine's time, advances included, reaches ``moment``."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            advanced = self._advanced
            try:
                await asyncio.wait_for(advanced.wait(), timeout=left)
            except TimeoutError:
                continue


def stopwatch() -> float:
    """Seconds of a monotonic clock, for measuring how long something took; never for deciding anything."""
    return time.perf_counter()
