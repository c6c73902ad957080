"""The only door to a sandbox: sessions by id, each started once, used by many calls, ended once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from agentcore_lab.clock import Clock, stopwatch
from agentcore_lab.errors import (
    ResourceNotFoundException,
    RetryableConflictException,
    RuntimeClientError,
    ServiceQuotaExceededException,
)
from agentcore_lab.runtime.boot import Boot
from agentcore_lab.runtime.course import Changed, Course
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.plan import Lease, Plan, Rules, new_session
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.roll import IN_PROGRESS, Live, Roll
from agentcore_lab.runtime.sandboxes import last_lines, usage_of
from agentcore_lab.runtime.session import Ended, Flowed, Healthy, RequestBegan, RequestEnded, Session, State
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.runtime.throttle import Kind, Throttle
from agentcore_lab.sandbox.base import SandboxError, SandboxStatus, Usage


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
        self._clock = clock
        self._storage = storage
        self._throttle = throttle
        self._rules = rules
        self._roll = Roll()
        self._course = Course(boot, clock, storage, self._roll, rules.grace, changed)

    def open(self) -> None:
        """Begin to watch deadlines."""
        self._course.open()

    async def close(self) -> None:
        """End every session and wait until nothing of them is left."""
        await self._course.close()

    async def catch_up(self) -> None:
        """After the clock was set ahead: end what has lived its time, once its agent has been asked."""
        await self._course.catch_up()

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
        address = await live.address()
        self._course.apply(live, RequestBegan())
        try:
            yield Lease(
                live.session,
                live.plan.version,
                address,
                live.protocol,
                live.started_in if began else None,
            )
        finally:
            self._course.apply(live, RequestEnded())

    async def _acquire(self, key: tuple[str, str], plan: Callable[[], Plan]) -> tuple[Live, bool]:
        while (live := self._roll.at(*key)) is not None and not live.session.alive:
            await live.gone.wait()
        if live is not None:
            return live, False
        live = self._new(key[1], plan())
        self._course.begin(live)
        live.started = asyncio.create_task(self._start(live))
        # A start nobody waits for any more (the client left) fails in silence: the session says it all.
        live.started.add_done_callback(lambda task: task.cancelled() or task.exception())
        return live, True

    def _new(self, session_id: str, plan: Plan) -> Live:
        account_id = plan.runtime.scope.account_id
        if sum(session.alive for session in self.of(account_id)) >= self._rules.max_sessions:
            raise ServiceQuotaExceededException(
                f"The account has {self._rules.max_sessions} active sessions, which is its quota. Stop sessions that "
                "are no longer needed, or wait until their idle time-out has passed."
            )
        self._throttle.admit(Kind.NEW_SESSION, account_id)
        session = new_session(session_id, plan, self._rules, self._clock.now())
        return Live(session, plan, protocol_of(plan.version.spec))

    async def _start(self, live: Live) -> str:
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
            self._course.apply(live, Ended(Reason.START_FAILED, why))
            raise RuntimeClientError(why) from error
        except RuntimeClientError as error:
            self._course.apply(live, Ended(Reason.START_FAILED, error.message.partition("\n")[0]))
            raise
        except BaseException:
            self._course.apply(live, Ended(Reason.START_FAILED))
            raise
        live.started_in = stopwatch() - began
        self._course.apply(live, Healthy())
        return address

    async def stop(self, runtime_id: str, session_id: str) -> None:
        """End a session and return once nothing of it is left.

        Raises:
            ResourceNotFoundException: no such session, or it has ended.
            RetryableConflictException: the session is being started.
        """
        live = self._roll.at(runtime_id, session_id)
        if live is None or not live.session.alive:
            raise ResourceNotFoundException(
                f"Session '{session_id}' of agent '{runtime_id}' was not found, or it has already ended."
            )
        if live.session.state is State.PROVISIONING:
            raise RetryableConflictException(IN_PROGRESS)
        self._course.apply(live, Ended(Reason.STOPPED))
        await live.gone.wait()

    async def end_all(self, runtime_id: str) -> None:
        """End every session of a runtime that is being deleted, and wipe what they stored."""
        mine = [live for live in self._roll.present() if live.session.runtime_id == runtime_id]
        for live in mine:
            self._course.apply(live, Ended(Reason.RUNTIME_DELETED))
        await asyncio.gather(*(live.gone.wait() for live in mine))
        await self._storage.wipe(runtime_id)

    def crashed(self, session: Session, status: SandboxStatus) -> None:
        """Tell that the sandbox of this very incarnation was found dead."""
        if (live := self._roll.incarnation(session)) is not None:
            self._course.found(live, status)

    def with_token(self, token: str) -> Session | None:
        """The session whose endpoint has this secret, if it lives and has started."""
        started = (each for each in self._roll.alive() if each.asks_at is not None)
        return next((each for each in started if each.token == token), None)

    @contextmanager
    def visit(self, session: Session) -> Iterator[None]:
        """Hold this very incarnation, which has started, for a call that does not go through ``use``."""
        live = self._roll.incarnation(session)
        if live is not None:
            self._course.apply(live, RequestBegan())
        try:
            yield
        finally:
            if live is not None:
                self._course.apply(live, RequestEnded())

    def flowed(self, session: Session) -> None:
        """Tell that a frame crossed a WebSocket of this very incarnation."""
        if (live := self._roll.incarnation(session)) is not None:
            self._course.apply(live, Flowed())

    async def over(self, session: Session) -> Session:
        """This very incarnation, as soon as it has ended; its sandbox may still be going."""
        if (live := self._roll.incarnation(session)) is not None:
            await live.over.wait()
        return self.now(session)

    def has_ended(self, runtime_id: str, session_id: str) -> bool:
        """Whether this session is known, and known to have ended."""
        return self._roll.has_ended(runtime_id, session_id)

    def of(self, account_id: str) -> list[Session]:
        """Every session of an account: the living by age, then the ended, latest first."""
        return self._roll.of(account_id)

    def now(self, session: Session) -> Session:
        """The same incarnation as it is by now; as it was given if it ended long ago."""
        return self._roll.now(session)

    async def log_tail(self, session: Session) -> tuple[str, ...]:
        """The last lines its agent wrote, kept from before the removal if it has ended."""
        return self.now(session).log_tail or await last_lines(self._boot.backend, session.incarnation)

    async def usage(self, session: Session) -> Usage | None:
        """What a living session's sandbox has used; None where that cannot be told."""
        return await usage_of(self._boot.backend, session.incarnation) if session.alive else None
