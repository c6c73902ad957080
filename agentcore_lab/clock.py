"""The one reader of time.

Everything that asks what time it is, or waits for a moment, takes a Clock: tests and labs advance it. Agents inside
containers keep the machine's time, so what they say of it has to be translated (``at``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    def at(self, machine: datetime) -> datetime:
        """What this clock showed, or will show, when an agent's own clock shows ``machine``."""
        ...

    @property
    def ahead(self) -> timedelta:
        """How far it has been set ahead of the time agents keep."""
        ...

    def advance(self, by: timedelta) -> None:
        """Set the clock ahead and wake whoever's moment has come; from any thread. Raises ValueError to go back."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return once ``now()`` has reached ``moment``."""
        ...


class SystemClock:
    """The machine's clock, which may be set ahead while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._advances: list[tuple[datetime, timedelta]] = []
        self._sleepers: set[asyncio.Future[None]] = set()

    def now(self) -> datetime:
        """The machine's time plus all that was advanced."""
        return machine_time() + self.ahead

    @property
    def ahead(self) -> timedelta:
        """All that was advanced."""
        return sum((by for _, by in self._advances), timedelta())

    def at(self, machine: datetime) -> datetime:
        """A moment of the machine's time, plus what had been advanced by then.

        A moment of the past must not move when the clock is set ahead after it: an agent that has been idle since
        noon was idle since noon however far a lab jumps.
        """
        return machine + sum((by for moment, by in self._advances if moment <= machine), timedelta())

    def advance(self, by: timedelta) -> None:
        """Set the clock ahead by ``by`` and wake whoever sleeps on it."""
        if by < timedelta():
            raise ValueError("a clock only goes forward")
        with self._lock:
            self._advances = [*self._advances, (machine_time(), by)]
            sleepers = list(self._sleepers)
        for sleeper in sleepers:
            sleeper.get_loop().call_soon_threadsafe(wake, sleeper)

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep until the machine's time, advances included, reaches ``moment``."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._sleepers.add(sleeper)
        try:
            while (left := (moment - self.now()).total_seconds()) > 0:
                await asyncio.wait([sleeper], timeout=left)
                if sleeper.done():
                    sleeper = self._again(sleeper)
        finally:
            with self._lock:
                self._sleepers.discard(sleeper)

    def _again(self, woken: asyncio.Future[None]) -> asyncio.Future[None]:
        sleeper: asyncio.Future[None] = woken.get_loop().create_future()
        with self._lock:
            self._sleepers.remove(woken)
            self._sleepers.add(sleeper)
        return sleeper


def wake(sleeper: asyncio.Future[None]) -> None:
    """Let a sleeper look at the clock, unless it has woken already."""
    if not sleeper.done():
        sleeper.set_result(None)


def stopwatch() -> float:
    """Seconds of a monotonic clock, for measuring how long something took; never for deciding anything."""
    return time.perf_counter()


def machine_time() -> datetime:
    """What the machine's own clock shows, in UTC: for what is agreed with parties that keep it, as signatures are."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place
