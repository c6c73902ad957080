"""Who is there: the sessions that live, those being torn down, and the last that ended."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import chain

from agentcore_lab.errors import RetryableConflictException
from agentcore_lab.runtime.plan import Plan
from agentcore_lab.runtime.protocols import Protocol
from agentcore_lab.runtime.session import Session

_REMEMBERED = 500
"""How many ended sessions of an account are kept for whoever lists them."""

IN_PROGRESS = "Session operation in progress, please retry"


@dataclass(slots=True)
class Live:
    """A session in memory, with the parts of it that are not values."""

    session: Session
    plan: Plan
    protocol: Protocol
    started: asyncio.Task[str] | None = None
    asking: asyncio.Task[None] | None = None
    started_in: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by: no two at a time have the same."""
        return self.session.runtime_id, self.session.session_id

    async def address(self) -> str:
        """Where its agent answers once it is up, for each of the calls that wait for it.

        Raises:
            RuntimeClientError: the agent did not start.
            RetryableConflictException: the session ended while it was being started.
        """
        assert self.started is not None
        try:
            address = await asyncio.shield(self.started)
        except asyncio.CancelledError:
            if self.started.cancelled():
                raise RetryableConflictException(IN_PROGRESS) from None
            raise
        if not self.session.alive:
            raise RetryableConflictException(IN_PROGRESS)
        return address


class Roll:
    """The sessions of one engine, by id and by incarnation."""

    def __init__(self) -> None:
        self._present: dict[tuple[str, str], Live] = {}
        # By account: however much one of them ends, another's stay.
        self._ended: dict[str, deque[Live]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def enter(self, live: Live) -> None:
        """A new session is there."""
        self._present[live.key] = live

    def end(self, live: Live) -> None:
        """It has ended and is remembered; its sandbox may still be going."""
        self._ended[live.session.scope.account_id].append(live)

    def leave(self, live: Live) -> None:
        """Nothing of it is left: its id is free."""
        if self._present.get(live.key) is live:
            del self._present[live.key]

    def at(self, runtime_id: str, session_id: str) -> Live | None:
        """Whoever has this id now, living or being torn down."""
        return self._present.get((runtime_id, session_id))

    def incarnation(self, session: Session) -> Live | None:
        """This very incarnation, as long as something of it is there."""
        live = self.at(session.runtime_id, session.session_id)
        return live if live is not None and live.session.incarnation == session.incarnation else None

    def present(self) -> list[Live]:
        """All that live or are being torn down, by age."""
        return list(self._present.values())

    def alive(self) -> list[Session]:
        """All that live, by age."""
        return [live.session for live in self._present.values() if live.session.alive]

    def of(self, account_id: str) -> list[Session]:
        """Every session of an account: the living by age, then the ended, latest first."""
        living = [session for session in self.alive() if session.scope.account_id == account_id]
        return [*living, *(live.session for live in reversed(self._ended[account_id]))]

    def now(self, session: Session) -> Session:
        """The same incarnation as it is by now; as it was given if it ended long ago."""
        live = self.at(session.runtime_id, session.session_id)
        candidates = [*([live] if live else []), *self._ended[session.scope.account_id]]
        found = (each.session for each in candidates if each.session.incarnation == session.incarnation)
        return next(found, session)

    def has_ended(self, runtime_id: str, session_id: str) -> bool:
        """Whether this session is known, and known to have ended."""
        if (live := self.at(runtime_id, session_id)) is not None:
            return not live.session.alive
        return any(each.key == (runtime_id, session_id) for each in chain(*self._ended.values()))
