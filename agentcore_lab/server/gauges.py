"""What is only looked at while somebody wants to see it: what sandboxes use, and what their agents write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agentcore_lab.runtime.events import Events
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.server.session_json import usage_json

USAGE_SECONDS = 3.0
LOG_SECONDS = 0.5
_ASKED_AT_ONCE = 8
"""How many sandboxes are asked for their usage side by side: Docker takes a thread for each."""


class Shared:
    """One piece of work for any number who want it: it begins with the first and ends with the last of them."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._wanted = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether somebody wants it."""
        return self._wanted > 0

    @asynccontextmanager
    async def wanted(self) -> AsyncIterator[None]:
        """Have it done until the end of the block."""
        self._wanted += 1
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            self._wanted -= 1
            if not self._wanted and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class UsageGauge:
    """Tells every few seconds (real ones) what each living session of an account has used."""

    def __init__(self, account_id: str, sessions: Sessions, events: Events) -> None:
        self._account_id = account_id
        self._sessions = sessions
        self._events = events
        self._room = asyncio.Semaphore(_ASKED_AT_ONCE)
        self.shared = Shared(self._run)

    async def _run(self) -> None:
        while True:
            living = [session for session in self._sessions.of(self._account_id) if session.alive]
            used = await asyncio.gather(*(self._of(session) for session in living))
            found = {
                session.incarnation: usage
                for session, usage in zip(living, used, strict=True)
                if usage is not None
            }
            if found:
                self._events.tell("usage", "usage", found)
            await asyncio.sleep(USAGE_SECONDS)

    async def _of(self, session: Session) -> dict[str, Any] | None:
        async with self._room:
            return usage_json(await self._sessions.usage(session))


class LogTail:
    """Tells what the agent of one incarnation writes."""

    def __init__(self, session: Session, sessions: Sessions, events: Events) -> None:
        self.session = session
        self._sessions = sessions
        self._events = events
        self._first = asyncio.Event()
        self._lines: tuple[str, ...] = ()
        self._shared = Shared(self._run)

    @asynccontextmanager
    async def followed(self, over: Callable[[], object]) -> AsyncIterator[LogTail]:
        """The tail, read once; what is written until the end of the block is told. ``over``: nobody wants it more."""
        async with self._shared.wanted():
            await self._first.wait()
            yield self
        if not self._shared.running:
            over()

    def told_afresh(self) -> dict[str, Any]:
        """The last lines as of now, for one who has none yet."""
        return {**self._told(self._lines), "afresh": True}

    def _told(self, lines: Sequence[str]) -> dict[str, Any]:
        return {
            "sessionId": self.session.session_id,
            "sandboxId": self.session.incarnation,
            "lines": list(lines),
        }

    async def _run(self) -> None:
        try:
            await self._tail()
        except asyncio.CancelledError:
            # Whoever wants it next waits until it has been read again.
            self._first.clear()
            raise

    async def _tail(self) -> None:
        self._lines = await self._sessions.log_tail(self.session)
        self._first.set()
        while True:
            await asyncio.sleep(LOG_SECONDS)
            over = not self._sessions.now(self.session).alive
            lines = await self._sessions.log_tail(self.session)
            if new := added(self._lines, lines):
                self._lines = lines
                # Its number makes every piece a key of its own: none may be skipped for a later one.
                key = f"{self.session.incarnation}/{self._events.number + 1}"
                self._events.tell("log", key, self._told(new))
            if over and lines:
                return


def added(before: Sequence[str], after: Sequence[str]) -> Sequence[str]:
    """The lines at the end of ``after`` that a tail read earlier did not have."""
    for overlap in range(min(len(before), len(after)), 0, -1):
        if before[-overlap:] == after[:overlap]:
            return after[overlap:]
    return after
