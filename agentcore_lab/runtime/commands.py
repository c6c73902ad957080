"""InvokeAgentRuntimeCommand: one bash process beside the agent, its output as events (CONTRACT: section 4.2)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from agentcore_lab.clock import Clock
from agentcore_lab.errors import RuntimeClientError, ServiceQuotaExceededException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.command_events import STARTED, Texts, delta, ended
from agentcore_lab.runtime.limits import (
    COMMAND_TIMEOUT_SECONDS,
    MAX_COMMAND_OUTPUT_BYTES,
    MAX_COMMAND_TIMEOUT_SECONDS,
)
from agentcore_lab.runtime.plan import Lease, Plan
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.sandbox.base import Backend, SandboxError
from agentcore_lab.sandbox.commands import SHELL, NoSuchProgram, RunningCommand
from agentcore_lab.wire.failures import Failure, rejection, show

log = logging.getLogger(__name__)

_TRACE = ("traceId", "traceParent", "traceState", "baggage")

PLATFORM_ERROR = -1
"""The exit code of a command that the platform could not run or see through (AWS: ContentStopEvent)."""

T = TypeVar("T")
Event = dict[str, Any]
Planner = Callable[[Scope, Mapping[str, Any]], Plan]


@dataclass(frozen=True, slots=True)
class Running:
    """A command that has been started: AWS's output members, the events still to come, its session."""

    members: Mapping[str, Any]
    events: AsyncIterator[Event]
    lease: Lease


class Commands:
    """Answers InvokeAgentRuntimeCommand."""

    def __init__(self, plan: Planner, sessions: Sessions, backend: Backend, clock: Clock) -> None:
        self._plan = plan
        self._sessions = sessions
        self._backend = backend
        self._clock = clock

    @asynccontextmanager
    async def run(self, scope: Scope, params: Mapping[str, Any]) -> AsyncIterator[Running]:
        """One command; its session counts as active until the context ends, and the command ends with the context.

        Raises:
            ValidationException: a time-out AWS does not allow.
            ResourceNotFoundException: unknown runtime or qualifier.
            RuntimeClientError: the agent, or the command, could not be started.
        """
        seconds = _timeout(params["body"])
        session_id = params.get("runtimeSessionId") or str(uuid.uuid4())
        plan = self._plan(scope, params)
        members = {"runtimeSessionId": session_id} | {name: params[name] for name in _TRACE if name in params}
        async with self._sessions.use(
            plan.runtime.id, session_id, lambda: self._plan(scope, params)
        ) as lease:
            text = params["body"]["command"]
            log.info("session %s of %s runs a command: %r", session_id, plan.runtime.id, text)
            beside = AsyncExitStack()
            try:
                command = await beside.enter_async_context(
                    self._backend.run(lease.session.incarnation, [SHELL, "-c", text])
                )
                events = self._events(command, lease, seconds)
            except NoSuchProgram as error:
                events = _not_run(error)
            except SandboxError as error:
                raise RuntimeClientError(f"The command could not be run. {error}") from error
            try:
                yield Running(members, events, lease)
            finally:
                await events.aclose()
                await _left(beside, session_id)

    async def _events(
        self, command: RunningCommand, lease: Lease, seconds: float
    ) -> AsyncGenerator[Event, None]:
        yield STARTED
        texts = Texts()
        time = _Time(self._clock, seconds, command)
        written = 0
        try:
            async with aclosing(command.output()) as output:
                while piece := await time.before(anext(output, None)):
                    written += len(piece.data)
                    if written > MAX_COMMAND_OUTPUT_BYTES:
                        raise _too_much()
                    for event in texts.feed(piece.stream, piece.data):
                        yield event
            code = await time.before(command.exit_code())
        except NoSuchProgram as error:
            for event in _why_not(error):
                yield event
            return
        except SandboxError as error:
            raise self._broke_off(lease, str(error)) from error
        finally:
            await time.stop()
        for event in texts.finish():
            yield event
        if time.up or code is None:
            yield ended(PLATFORM_ERROR, timed_out=True)
        elif self._sessions.now(lease.session).alive:
            yield ended(code)
        else:
            raise self._broke_off(lease, "")

    def _broke_off(self, lease: Lease, why: str) -> RuntimeClientError:
        session = self._sessions.now(lease.session)
        if session.alive:
            return RuntimeClientError(f"The command broke off. {why}")
        return RuntimeClientError(
            f"The session ended while the command ran ({session.reason}). {session.detail}"
        )


def _timeout(body: Mapping[str, Any]) -> int:
    seconds: int = body.get("timeout", COMMAND_TIMEOUT_SECONDS)
    if 1 <= seconds <= MAX_COMMAND_TIMEOUT_SECONDS:
        return seconds
    # The model has no range for it; its documentation has.
    allowed = f"Member must be between 1 and {MAX_COMMAND_TIMEOUT_SECONDS}, inclusive"
    raise rejection([Failure("body.timeout", allowed, show(seconds))])


def _too_much() -> ServiceQuotaExceededException:
    return ServiceQuotaExceededException(
        f"The command wrote more than {MAX_COMMAND_OUTPUT_BYTES:,} bytes and was ended."
    )


def _why_not(error: NoSuchProgram) -> tuple[Event, Event]:
    why = (
        f"Commands run in {SHELL}, which cannot be started in this agent's image: {error}\n"
        "Add bash to the image.\n"
    )
    return delta("stderr", why), ended(PLATFORM_ERROR)


async def _not_run(error: NoSuchProgram) -> AsyncGenerator[Event, None]:
    yield STARTED
    for event in _why_not(error):
        yield event


class _Time:
    """A command's time: kills it once that is over, even while its caller reads nothing."""

    def __init__(self, clock: Clock, seconds: float, command: RunningCommand) -> None:
        self.up = False
        self._clock = clock
        self._until = clock.now() + timedelta(seconds=seconds)
        self._command = command
        self._task = asyncio.create_task(self._run())

    async def before(self, awaited: Awaitable[T]) -> T | None:
        """What ``awaited`` gives; None, and an end to it, if it still waits once the command has been killed."""
        task = asyncio.ensure_future(awaited)
        waits: set[asyncio.Future[Any]] = {self._task, task}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        """Kill no more; a kill that has begun is seen to its end."""
        if not self.up:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await self._clock.sleep_until(self._until)
        self.up = True
        try:
            await self._command.kill()
        except SandboxError:
            log.exception("a command could not be ended when its time was over")


async def _left(command: AsyncExitStack, session_id: str) -> None:
    """Leave a command's context; its caller has its answer, whatever comes of that."""
    try:
        await command.aclose()
    except SandboxError:
        log.exception("a command of session %s could not be ended", session_id)
