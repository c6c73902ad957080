"""A session as a value, and the one function that changes it.

The transition table below is the diagram in docs/architecture.md. Nothing here waits, starts or stops anything:
``step`` answers what the session is now and what has to be done (effects), and every effect names the incarnation it
is for, so that a late stop can never hit its successor on the same session id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a session is in its life (AWS: Active, Idle, Terminated; Provisioning is the way there)."""

    PROVISIONING = "Provisioning"
    ACTIVE = "Active"
    IDLE = "Idle"
    TERMINATED = "Terminated"


class Reason(StrEnum):
    """Why a session ended."""

    IDLE = "idle"
    MAX_LIFETIME = "maximum lifetime"
    STOPPED = "stopped"
    START_FAILED = "start failed"
    CRASHED = "crashed"
    RUNTIME_DELETED = "runtime deleted"
    SHUTDOWN = "engine shut down"


@dataclass(frozen=True, slots=True)
class Session:
    """One incarnation of a session id: one sandbox, from its start to its end.

    ``incarnation`` is the sandbox's id. ``version`` and ``endpoint`` are what it started with and keep to the end
    (AWS: running sessions stay on their version).
    """

    runtime_id: str
    session_id: str
    incarnation: str
    version: int
    endpoint: str
    architecture: str
    created_at: datetime
    idle_timeout: timedelta
    max_lifetime: timedelta
    last_activity_at: datetime
    state: State = State.PROVISIONING
    in_flight: int = 0
    reason: Reason | None = None
    ended_at: datetime | None = None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.state is not State.TERMINATED


@dataclass(frozen=True, slots=True)
class Healthy:
    """The sandbox answered its first health check."""


@dataclass(frozen=True, slots=True)
class RequestBegan:
    """A call reached the session."""


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A call was answered, failed, or its client left."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is to end, or its sandbox already has."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; a deadline may be due."""


Event = Healthy | RequestBegan | RequestEnded | Ended | Tick


@dataclass(frozen=True, slots=True)
class Dispose:
    """Stop and remove the sandbox of this incarnation."""

    incarnation: str


def step(session: Session, event: Event, now: datetime) -> tuple[Session, tuple[Dispose, ...]]:
    """The session after ``event`` at ``now``, and what has to be done about it."""
    if not session.alive:
        return session, ()
    match event:
        case Healthy():
            return _rest(session, now), ()
        case RequestBegan():
            return replace(
                session, state=State.ACTIVE, in_flight=session.in_flight + 1, last_activity_at=now
            ), ()
        case RequestEnded():
            return _rest(replace(session, in_flight=session.in_flight - 1), now), ()
        case Ended(reason):
            return _end(session, reason, now)
        case Tick():
            due = deadline(session)
            if due is not None and due[0] <= now:
                return _end(session, due[1], now)
            return session, ()


def deadline(session: Session) -> tuple[datetime, Reason] | None:
    """When the session will end if nothing happens, and why; None for one that has ended.

    AWS: the maximum lifetime counts from creation and is never reset; the idle time-out counts from the end of the
    last activity and only while nothing is being answered (runtime-lifecycle-settings).
    """
    if not session.alive:
        return None
    lifetime_ends = session.created_at + session.max_lifetime
    if session.state is State.IDLE:
        idle_ends = session.last_activity_at + session.idle_timeout
        if idle_ends < lifetime_ends:
            return idle_ends, Reason.IDLE
    return lifetime_ends, Reason.MAX_LIFETIME


def _rest(session: Session, now: datetime) -> Session:
    state = State.ACTIVE if session.in_flight else State.IDLE
    return replace(session, state=state, last_activity_at=now)


def _end(session: Session, reason: Reason, now: datetime) -> tuple[Session, tuple[Dispose, ...]]:
    ended = replace(session, state=State.TERMINATED, reason=reason, ended_at=now, in_flight=0)
    return ended, (Dispose(session.incarnation),)
