"""The only door to a sandbox: sessions by id, each started once, used by many calls, ended once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from agentcore_lab.clock import Clock, stopwatch
from agentcore_lab.errors import (
    ResourceNotFoundException,
    RetryableConflictException,
    RuntimeClientError,
    ServiceQuotaExceededException,
)
from agentcore_lab.runtime.boot import Boot
from agentcore_lab.runtime.endings import Reason, found_dead
from agentcore_lab.runtime.limits import LOG_TAIL_LINES
from agentcore_lab.runtime.monitor import Monitor
from agentcore_lab.runtime.plan import Lease, Plan, Rules, new_session
from agentcore_lab.runtime.probe import Probe
from agentcore_lab.runtime.protocols import Protocol, protocol_of
from agentcore_lab.runtime.session import (
    Ask,
    Dispose,
    Ended,
    Event,
    Flowed,
    Healthy,
    Pinged,
    RequestBegan,
    RequestEnded,
    Session,
    State,
    Tick,
    next_look,
    step,
)
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.runtime.throttle import Kind, Throttle
from agentcore_lab.sandbox.base import SandboxError, SandboxStatus, Usage

log = logging.getLogger(__name__)

_REMEMBERED = 500
"""How many ended sessions are kept for whoever lists them."""

_IN_PROGRESS = "Session operation in progress, please retry"

Changed = Callable[[Session | None, Session], None]
"""Told of a session before, None of a new one, and after each step of its life."""


@dataclass(slots=True)
class _Live:
    """A session in memory, with the parts of it that are not values."""

    session: Session
    plan: Plan
    protocol: Protocol
    started: asyncio.Task[str] | None = None
    asking: asyncio.Task[None] | None = None
    started_in: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """All sessions of one engine."""

    def __init__(
        self,
        boot: Boot,
        clock: Clock,
        storage: SessionStorage,
        throttle: Throttle,
        rules: Rules,
        changed: Changed = lambda _before, _after: None,
    ) -> None:
        self._boot = boot
        self._changed = changed
        self._backend = boot.backend
        self._clock = clock
        self._storage = storage
        self._throttle = throttle
        self._rules = rules
        self._probe = Probe(boot.backend, boot.client, clock)
        self._live: dict[tuple[str, str], _Live] = {}
        self._ended: deque[_Live] = deque(maxlen=_REMEMBERED)
        self._disposals: set[asyncio.Task[None]] = set()
        self._monitor = Monitor(clock, self._tick)

    def open(self) -> None:
        """Begin to watch deadlines."""
        self._monitor.open()

    async def close(self) -> None:
        """End every session and wait until nothing of them is left."""
        await self._monitor.close()
        for live in list(self._live.values()):
            self._apply(live, Ended(Reason.SHUTDOWN))
        await asyncio.gather(*self._disposals, return_exceptions=True)

    async def clear_leftovers(self) -> int:
        """Remove the sandboxes an engine that was killed left behind; the number removed."""
        leftovers = await self._backend.owned()
        ends = await asyncio.gather(
            *(self._backend.stop(owned.id, 0) for owned in leftovers), return_exceptions=True
        )
        for owned, end in zip(leftovers, ends, strict=True):
            if isinstance(end, BaseException):
                log.error("sandbox %s of an earlier engine could not be removed: %s", owned.id, end)
        return len(leftovers)

    @asynccontextmanager
    async def use(self, runtime_id: str, session_id: str, plan: Callable[[], Plan]) -> AsyncIterator[Lease]:
        """Hold the session for one call, starting it if there is none, from what ``plan`` says at that moment.

        Concurrent first calls share one start. Calls that arrive while an older incarnation is being torn down
        wait for that.

        Raises:
            RuntimeClientError: the agent did not start.
            RetryableConflictException: the session ended while it was being started.
            ServiceQuotaExceededException: it would be one session too many.
            ThrottlingException: too many sessions have been started in this second.
        """
        live, began = await self._acquire((runtime_id, session_id), plan)
        address = await _started(live)
        self._apply(live, RequestBegan())
        try:
            yield Lease(
                live.session,
                live.plan.version,
                address,
                live.protocol,
                live.started_in if began else None,
            )
        finally:
            self._apply(live, RequestEnded())

    async def _acquire(self, key: tuple[str, str], plan: Callable[[], Plan]) -> tuple[_Live, bool]:
        while (live := self._live.get(key)) is not None and not live.session.alive:
            await live.gone.wait()
        if live is not None:
            return live, False
        live = self._live[key] = self._new(key[1], plan())
        self._watch(live)
        self._changed(None, live.session)
        live.started = asyncio.create_task(self._start(live))
        # A start nobody waits for any more (the client left) fails in silence: the session says it all.
        live.started.add_done_callback(lambda task: task.cancelled() or task.exception())
        return live, True

    def _new(self, session_id: str, plan: Plan) -> _Live:
        account_id = plan.runtime.scope.account_id
        if sum(session.alive for session in self.of(account_id)) >= self._rules.max_sessions:
            raise ServiceQuotaExceededException(
                f"The account has {self._rules.max_sessions} active sessions, which is its quota. Stop sessions that "
                "are no longer needed, or wait until their idle time-out has passed."
            )
        self._throttle.admit(Kind.NEW_SESSION, account_id)
        session = new_session(session_id, plan, self._rules, self._clock.now())
        return _Live(session, plan, protocol_of(plan.version.spec))

    async def _start(self, live: _Live) -> str:
        began = stopwatch()
        try:
            address = await self._boot.start(
                live.session.incarnation,
                live.plan.version,
                {"agentcore-lab.session": live.session.session_id},
                self._storage.hold(live.session, live.plan.version.spec),
            )
        except SandboxError as error:
            why = f"The session's sandbox could not be started. {error}"
            self._apply(live, Ended(Reason.START_FAILED, why))
            raise RuntimeClientError(why) from error
        except RuntimeClientError as error:
            self._apply(live, Ended(Reason.START_FAILED, error.message.partition("\n")[0]))
            raise
        except BaseException:
            self._apply(live, Ended(Reason.START_FAILED))
            raise
        live.started_in = stopwatch() - began
        self._apply(live, Healthy())
        return address

    async def stop(self, runtime_id: str, session_id: str) -> None:
        """End a session and return once nothing of it is left.

        Raises:
            ResourceNotFoundException: no such session, or it has ended.
            RetryableConflictException: the session is being started.
        """
        live = self._live.get((runtime_id, session_id))
        if live is None or not live.session.alive:
            raise ResourceNotFoundException(
                f"Session '{session_id}' of agent '{runtime_id}' was not found, or it has already ended."
            )
        if live.session.state is State.PROVISIONING:
            raise RetryableConflictException(_IN_PROGRESS)
        self._apply(live, Ended(Reason.STOPPED))
        await live.gone.wait()

    async def end_all(self, runtime_id: str) -> None:
        """End every session of a runtime that is being deleted, and wipe what they stored."""
        mine = [live for key, live in self._live.items() if key[0] == runtime_id]
        for live in mine:
            self._apply(live, Ended(Reason.RUNTIME_DELETED))
        await asyncio.gather(*(live.gone.wait() for live in mine))
        await self._storage.wipe(runtime_id)

    def crashed(self, session: Session, status: SandboxStatus) -> None:
        """Tell that the sandbox of this very incarnation was found dead."""
        if (live := self._incarnation(session)) is not None:
            self._apply(live, _death(status))

    def with_token(self, token: str) -> Session | None:
        """The session whose endpoint has this secret, if it lives and has started."""
        living = (live.session for live in self._live.values() if live.session.alive)
        return next((each for each in living if each.token == token and each.asks_at is not None), None)

    @contextmanager
    def visit(self, session: Session) -> Iterator[None]:
        """Hold this very incarnation, which has started, for a call that does not go through ``use``."""
        live = self._incarnation(session)
        if live is not None:
            self._apply(live, RequestBegan())
        try:
            yield
        finally:
            if live is not None:
                self._apply(live, RequestEnded())

    def flowed(self, session: Session) -> None:
        """Tell that a frame crossed a WebSocket of this very incarnation."""
        if (live := self._incarnation(session)) is not None:
            self._apply(live, Flowed())

    async def over(self, session: Session) -> Session:
        """This very incarnation, as soon as it has ended; its sandbox may still be going."""
        if (live := self._incarnation(session)) is not None:
            await live.over.wait()
        return self.now(session)

    def has_ended(self, runtime_id: str, session_id: str) -> bool:
        """Whether this session is known, and known to have ended."""
        key = (runtime_id, session_id)
        if key in self._live:
            return not self._live[key].session.alive
        return any((each.session.runtime_id, each.session.session_id) == key for each in self._ended)

    def of(self, account_id: str) -> list[Session]:
        """Every session of an account: the living by age, then the ended, latest first."""
        living = [live.session for live in self._live.values() if live.session.alive]
        known = [*living, *(live.session for live in reversed(self._ended))]
        return [session for session in known if session.scope.account_id == account_id]

    def now(self, session: Session) -> Session:
        """The same incarnation as it is by now; as it was given if it ended long ago."""
        live = self._live.get((session.runtime_id, session.session_id))
        candidates = [*([live] if live else []), *self._ended]
        found = (each.session for each in candidates if each.session.incarnation == session.incarnation)
        return next(found, session)

    async def log_tail(self, session: Session) -> tuple[str, ...]:
        """The last lines its agent wrote, kept from before the removal if it has ended."""
        return self.now(session).log_tail or await self._logs(session.incarnation)

    async def usage(self, session: Session) -> Usage | None:
        """What a living session's sandbox has used; None where that cannot be told."""
        try:
            return await self._backend.usage(session.incarnation) if session.alive else None
        except SandboxError:
            return None

    def _incarnation(self, session: Session) -> _Live | None:
        live = self._live.get((session.runtime_id, session.session_id))
        return live if live is not None and live.session.incarnation == session.incarnation else None

    def _tick(self) -> None:
        for live in list(self._live.values()):
            self._apply(live, Tick())

    def _watch(self, live: _Live) -> None:
        """Have the session looked at when it has something due next."""
        look = next_look(live.session, self._clock.now())
        if look is not None:
            self._monitor.expect(look)

    def _apply(self, live: _Live, event: Event) -> None:
        before = live.session
        now = self._clock.now()
        live.session, effects = step(before, event, now)
        self._watch(live)
        if before.alive and not live.session.alive:
            live.over.set()
            self._ended.append(live)
        if live.session is not before:
            self._changed(before, live.session)
        for effect in effects:
            match effect:
                case Ask() if live.asking is None or live.asking.done():
                    live.asking = asyncio.create_task(self._ask(live))
                case Dispose(incarnation):
                    task = asyncio.create_task(self._dispose(live, incarnation))
                    self._disposals.add(task)
                    task.add_done_callback(self._disposals.discard)

    async def _ask(self, live: _Live) -> None:
        assert live.started is not None
        found = await self._probe.ask(live.session.incarnation, live.started.result(), live.protocol)
        self._apply(live, _death(found) if isinstance(found, SandboxStatus) else Pinged(found))

    async def _logs(self, incarnation: str) -> tuple[str, ...]:
        try:
            return tuple(await self._backend.logs(incarnation, LOG_TAIL_LINES))
        except SandboxError:
            log.exception("the log of sandbox %s could not be read", incarnation)
            return ()

    async def _dispose(self, live: _Live, incarnation: str) -> None:
        if live.started is not None and live.session.reason is not Reason.START_FAILED:
            live.started.cancel()
            await asyncio.gather(live.started, return_exceptions=True)
        if live.asking is not None:
            live.asking.cancel()
        try:
            live.session = replace(live.session, log_tail=await self._logs(incarnation))
            await self._backend.stop(incarnation, self._rules.grace)
        except SandboxError:
            log.exception("sandbox %s could not be removed", incarnation)
        finally:
            self._storage.release(live.session)
            key = (live.session.runtime_id, live.session.session_id)
            if self._live.get(key) is live:
                del self._live[key]
            live.gone.set()


async def _started(live: _Live) -> str:
    """The address of a session once it is up, for each of the calls that wait for it."""
    assert live.started is not None
    try:
        address = await asyncio.shield(live.started)
    except asyncio.CancelledError:
        if live.started.cancelled():
            raise RetryableConflictException(_IN_PROGRESS) from None
        raise
    if not live.session.alive:
        raise RetryableConflictException(_IN_PROGRESS)
    return address


def _death(status: SandboxStatus) -> Ended:
    """How a sandbox that was found dead ended its session."""
    return Ended(Reason.CRASHED, f"The container {found_dead(status)}.", status.exit_code)
