"""What changes in an engine, for whoever follows it: a bounded record, read by each follower at its own speed.

No follower has a queue: it holds the number of the last event it read. One that falls further behind than the record
reaches has lost some, and starts again from a snapshot. While nobody follows, nothing is recorded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

REMEMBERED = 4096
"""Events kept for those who read later: at the rate of a busy engine, some seconds."""

LINGER_SECONDS = 30.0
"""How long events are recorded after the last follower left, so that one who reconnects has missed nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change. A later event of the same ``kind`` and ``key`` makes it needless: readers may skip it."""

    number: int
    kind: str
    key: str
    value: Any


class Events:
    """The record of an engine's changes. To be used from the engine's loop alone."""

    def __init__(self, remembered: int = REMEMBERED, linger: float = LINGER_SECONDS) -> None:
        self._record: deque[Event] = deque(maxlen=remembered)
        self._number = 0
        self._followers = 0
        self._linger = linger
        self._forgetting: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self.closed = False

    @property
    def number(self) -> int:
        """The number of the newest event."""
        return self._number

    @property
    def followed(self) -> bool:
        """Whether anybody follows, or has a moment ago; else telling is in vain."""
        return self._followers > 0 or self._forgetting is not None

    def tell(self, kind: str, key: str, value: Any = None) -> None:
        """Record a change and wake those who wait for one."""
        if not self.followed:
            return
        self._number += 1
        self._record.append(Event(self._number, kind, key, value))
        self._wake()

    def since(self, number: int) -> list[Event] | None:
        """What was told after ``number``, oldest first; None where that is not, or no longer, known."""
        first = self._record[0].number if self._record else self._number + 1
        if not first - 1 <= number <= self._number:
            return None
        return [event for event in self._record if event.number > number]

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Have changes recorded until the end of the block, and a while longer."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers and not self.closed:
                self._forgetting = asyncio.get_running_loop().call_later(self._linger, self._forget)

    async def news(self, number: int) -> None:
        """Return once there is something after ``number``, or the record is closed."""
        while self._number <= number and not self.closed:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)

    def close(self) -> None:
        """Let every follower go; nothing is told any more."""
        self.closed = True
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        self._wake()

    def _forget(self) -> None:
        """Record no more. The number moves on, so that nobody takes what was not recorded for nothing."""
        self._forgetting = None
        self._record.clear()
        self._number += 1

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


class EventsOfAccounts:
    """A record for each account, so that nothing told in one is known, waited for or counted in another."""

    def __init__(self) -> None:
        self._records: dict[str, Events] = {}
        self._closed = False

    def of(self, account_id: str) -> Events:
        """The account's, for whoever follows it; there is one from then on."""
        if account_id not in self._records:
            self._records[account_id] = Events()
            if self._closed:
                self._records[account_id].close()
        return self._records[account_id]

    def followed(self, account_id: str) -> bool:
        """Whether anybody follows the account, or has a moment ago."""
        events = self._records.get(account_id)
        return events is not None and events.followed

    def tell(self, account_id: str, kind: str, key: str, value: Any = None) -> None:
        """Record a change in an account; in vain where nobody ever followed it."""
        if events := self._records.get(account_id):
            events.tell(kind, key, value)

    def tell_all(self, kind: str, value: Any) -> None:
        """Record in every account what is of none."""
        for events in self._records.values():
            events.tell(kind, kind, value)

    def close(self) -> None:
        """Let every follower go, and those to come."""
        self._closed = True
        for events in self._records.values():
            events.close()
