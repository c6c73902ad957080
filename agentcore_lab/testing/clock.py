"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

from agentcore_lab.clock import wake


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
