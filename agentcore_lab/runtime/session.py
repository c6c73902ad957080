"""A session as a value, and the one function that changes it.

TRANSITIONS is the diagram in docs/sessions.md. Nothing here waits, starts or stops anything: ``step`` answers what the
session is now and what has to be done (effects), and every effect names the incarnation it is for, so that a late stop
can never hit its successor on the same session id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.endings import Reason, in_words
from agentcore_lab.runtime.health import Health, HealthStatus, Report, observe
from agentcore_lab.runtime.limits import PING_SECONDS, UNHEALTHY_AFTER


class State(StrEnum):
    """Where a session is in its life (AWS: Active, Idle, Terminated; Provisioning is the way there)."""

    PROVISIONING = "Provisioning"
    ACTIVE = "Active"
    IDLE = "Idle"
    TERMINATED = "Terminated"


class Turn(StrEnum):
    """What moves a session from one state to another while it lives."""

    FIRST_HEALTHY = "first healthy answer"
    CALL = "a call"
    BUSY = "HealthyBusy"
    LAST_ANSWERED = "the last call is answered"
    NO_LONGER_BUSY = "no longer HealthyBusy"
    TRAFFIC = "WebSocket traffic"
    QUIET = "no more WebSocket traffic"


_ALWAYS = (Reason.MAX_LIFETIME, Reason.RUNTIME_DELETED, Reason.SHUTDOWN)
_ONCE_STARTED = (*_ALWAYS, Reason.STOPPED, Reason.UNHEALTHY, Reason.CRASHED)

TRANSITIONS: Mapping[tuple[State, Turn | Reason], State] = MappingProxyType(
    {
        (State.PROVISIONING, Turn.FIRST_HEALTHY): State.IDLE,
        (State.IDLE, Turn.CALL): State.ACTIVE,
        (State.IDLE, Turn.BUSY): State.ACTIVE,
        (State.IDLE, Turn.TRAFFIC): State.ACTIVE,
        (State.ACTIVE, Turn.CALL): State.ACTIVE,
        (State.ACTIVE, Turn.TRAFFIC): State.ACTIVE,
        (State.ACTIVE, Turn.LAST_ANSWERED): State.IDLE,
        (State.ACTIVE, Turn.NO_LONGER_BUSY): State.IDLE,
        (State.ACTIVE, Turn.QUIET): State.IDLE,
        (State.PROVISIONING, Reason.START_FAILED): State.TERMINATED,
        **{(State.PROVISIONING, reason): State.TERMINATED for reason in _ALWAYS},
        (State.IDLE, Reason.IDLE): State.TERMINATED,
        **{(State.IDLE, reason): State.TERMINATED for reason in _ONCE_STARTED},
        **{(State.ACTIVE, reason): State.TERMINATED for reason in _ONCE_STARTED},
    }
)
"""Every edge of a session's life: where it is and what happens → where it is then."""


@dataclass(frozen=True, slots=True)
class Session:
    """One incarnation of a session id: one sandbox, from its start to its end.

    ``scope`` is whose it is: its runtime's. ``incarnation`` is the sandbox's id. ``version`` and ``endpoint`` are
    what it started with and keep to the end (AWS: running sessions stay on their version). ``busy``: the agent
    says, in a way that counts, that it works on though no call is open. ``flowed_at`` is when a frame last crossed
    one of its WebSockets, None once they have been silent for a round of health checks. ``asks_at`` is when its
    health is asked for next, None until it has started. ``token`` is the secret of its session endpoint, ``ports``
    what that reaches. ``detail`` says in a sentence how it ended, ``log_tail`` holds what its agent wrote last.
    """

    scope: Scope
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
    ping_every: timedelta = timedelta(seconds=PING_SECONDS)
    unhealthy_after: int = UNHEALTHY_AFTER
    token: str = field(default="", repr=False)
    ports: tuple[range, ...] = ()
    state: State = State.PROVISIONING
    in_flight: int = 0
    busy: bool = False
    flowed_at: datetime | None = None
    asks_at: datetime | None = None
    health: Health = field(default_factory=Health)
    reason: Reason | None = None
    detail: str | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    log_tail: tuple[str, ...] = ()

    @property
    def runtime_arn(self) -> str:
        """The ARN of its runtime."""
        return self.scope.runtime_arn(self.runtime_id)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.state is not State.TERMINATED

    @property
    def held(self) -> bool:
        """Whether anything keeps it Active."""
        return bool(self.in_flight) or self.busy or self.flowed_at is not None


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
class Flowed:
    """A frame, of data or of control, crossed one of the session's WebSockets."""


@dataclass(frozen=True, slots=True)
class Pinged:
    """The agent was asked for its health."""

    report: Report


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is to end, or its sandbox already has; ``detail`` is how, in a sentence."""

    reason: Reason
    detail: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; a deadline may be due."""


Event = Healthy | RequestBegan | RequestEnded | Flowed | Pinged | Ended | Tick


@dataclass(frozen=True, slots=True)
class Dispose:
    """Stop and remove the sandbox of this incarnation."""

    incarnation: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the agent of this incarnation for its health, unless it is being asked."""

    incarnation: str


Step = tuple[Session, tuple[Dispose | Ask, ...]]


def step(session: Session, event: Event, now: datetime) -> Step:
    """The session after ``event`` at ``now``, and what has to be done about it."""
    if not session.alive:
        return session, ()
    match event:
        case Healthy():
            started = replace(session, last_activity_at=now, asks_at=_next_round(session, now))
            return _turn(started, Turn.FIRST_HEALTHY), ()
        case RequestBegan():
            called = replace(session, in_flight=session.in_flight + 1, last_activity_at=now)
            return _turn(called, Turn.CALL), ()
        case RequestEnded():
            answered = replace(session, in_flight=session.in_flight - 1, last_activity_at=now)
            return answered if answered.held else _turn(answered, Turn.LAST_ANSWERED), ()
        case Flowed():
            return _turn(replace(session, flowed_at=now, last_activity_at=now), Turn.TRAFFIC), ()
        case Pinged(report):
            return _pinged(session, report, now)
        case Ended():
            return _end(session, event, now)
        case Tick():
            return _tick(session, now)


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


def next_look(session: Session, now: datetime) -> datetime | None:
    """When a Tick can change something next; None for a session that has ended.

    An idle time-out that has passed is not looked at again: the agent has been asked, and its answer decides.
    """
    due = deadline(session)
    if due is None:
        return None
    looks = {session.asks_at} if session.asks_at is not None else set()
    if due[0] > now or due[1] is not Reason.IDLE:
        looks.add(due[0])
    return min(looks)


def _tick(session: Session, now: datetime) -> Step:
    """End what has lived its time; ask those whose turn it is, and those that have been idle for long enough.

    The clock may have been set ahead since the last answer: before a session is ended for being idle its agent has
    the word once more, even if its maximum lifetime has passed as well, which in real time would have come later.
    """
    session = _hushed(session, now)
    due = deadline(session)
    assert due is not None, "only the living are looked at"
    if due[1] is Reason.MAX_LIFETIME and due[0] <= now:
        return _end(session, Ended(Reason.MAX_LIFETIME), now)
    if session.asks_at is not None and min(due[0], session.asks_at) <= now:
        return replace(session, asks_at=_next_round(session, now)), (Ask(session.incarnation),)
    return session, ()


def _hushed(session: Session, now: datetime) -> Session:
    """The session, Idle once its WebSockets have been silent for a round: an open one alone holds nothing.

    AWS: any message, ping or pong restarts the idle time-out (runtime-get-started-websocket), so idle time counts
    from the last frame and not from the moment the silence is noticed.
    """
    if session.flowed_at is None or session.flowed_at + session.ping_every > now:
        return session
    silent = replace(session, flowed_at=None)
    return silent if silent.held else _turn(silent, Turn.QUIET)


def _pinged(session: Session, report: Report, now: datetime) -> Step:
    health, changed_at = observe(session.health, report, now)
    moved = changed_at is not None and changed_at != session.health.changed_at
    session = replace(session, health=health)
    if report.status is HealthStatus.UNHEALTHY:
        if health.failures >= session.unhealthy_after:
            return _end(session, Ended(Reason.UNHEALTHY), now)
    else:
        session = _said(session, report.status is HealthStatus.BUSY, changed_at, moved=moved, now=now)
    due = deadline(session)
    if due is not None and due[0] <= now:
        return _end(session, Ended(due[1]), now)
    return session, ()


def _said(
    session: Session, busy: bool, changed_at: datetime | None, *, moved: bool, now: datetime
) -> Session:
    """The session whose agent answered; ``changed_at`` is when its status changed last, if it can be believed.

    Field measurements: idle time counts from the later of the last call and time_of_last_update; HealthyBusy
    without one holds nothing.
    """
    was_busy, is_busy = session.busy, busy and changed_at is not None
    since = max(session.last_activity_at, min(changed_at or session.last_activity_at, now))
    if was_busy and not is_busy and not moved:
        since = now  # it was active until this answer, and does not say since when it no longer is
    session = replace(session, busy=is_busy, last_activity_at=since)
    if is_busy and session.state is State.IDLE:
        return _turn(session, Turn.BUSY)
    if was_busy and not session.held:
        return _turn(session, Turn.NO_LONGER_BUSY)
    return session


def _turn(session: Session, turn: Turn) -> Session:
    return replace(session, state=TRANSITIONS[session.state, turn])


def _end(session: Session, how: Ended, now: datetime) -> Step:
    ended = replace(
        session,
        state=TRANSITIONS[session.state, how.reason],
        in_flight=0,
        busy=False,
        flowed_at=None,
        asks_at=None,
        reason=how.reason,
        detail=how.detail or in_words(how.reason, session.idle_timeout, session.max_lifetime, session.health),
        ended_at=now,
        exit_code=how.exit_code,
    )
    return ended, (Dispose(session.incarnation),)


def _next_round(session: Session, now: datetime) -> datetime:
    """The next moment all sessions are asked at: rounds, so that the monitor wakes once for all."""
    rounds = (now - _EPOCH) // session.ping_every
    return _EPOCH + (rounds + 1) * session.ping_every


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
