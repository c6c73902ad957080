"""InvokeAgentRuntimeCommandShell: shells of sessions, found again by their id (CONTRACT: sections 4.5, 13.6, 16)."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from agentcore_lab.errors import RuntimeClientError, ServiceQuotaExceededException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.commands import Planner
from agentcore_lab.runtime.limits import MAX_SESSION_ID, MAX_SHELLS, MIN_SESSION_ID
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.shell import Client, Shell
from agentcore_lab.sandbox.base import Backend, SandboxError
from agentcore_lab.sandbox.commands import Size
from agentcore_lab.wire.failures import Failure, rejection, show

log = logging.getLogger(__name__)

# bedrock-agentcore SDK, runtime/shell/_validation.py
_SHELL_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")
_FIRST_SIZE = Size(columns=80, rows=24)
"""Until the client says how large its terminal is."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A client's hold on a shell; ``found``: the shell was there before."""

    session: Session
    shell: Shell
    client: Client
    found: bool


@dataclass(frozen=True, slots=True)
class _Key:
    runtime_id: str
    session_id: str
    shell_id: str


class Shells:
    """All shells of one engine. A shell without a client lives as long as its session."""

    def __init__(self, plan: Planner, sessions: Sessions, backend: Backend) -> None:
        self._plan = plan
        self._sessions = sessions
        self._backend = backend
        self._shells: dict[tuple[_Key, str], asyncio.Task[Shell]] = {}
        self._clients: Counter[_Key] = Counter()

    @asynccontextmanager
    async def attach(self, scope: Scope, params: Mapping[str, Any]) -> AsyncIterator[Attached]:
        """A client's connection to a shell, which is started if its session has none of this id.

        The session counts as active until the context ends; the shell goes on after that.

        Raises:
            ValidationException: the session id or the shell id is not of its form.
            ResourceNotFoundException: unknown runtime or qualifier.
            ServiceQuotaExceededException: the runtime has ten shells with a client.
            RuntimeClientError: the agent, or the shell, could not be started.
        """
        session_id, shell_id = _ids(params)
        plan = self._plan(scope, params)
        key = _Key(plan.runtime.id, session_id, shell_id)
        with self._place(key):
            async with self._sessions.use(
                plan.runtime.id, session_id, lambda: self._plan(scope, params)
            ) as lease:
                incarnation = lease.session.incarnation
                found = (key, incarnation) in self._shells
                shell = await self._shell(key, incarnation)
                log.info("session %s of %s: shell %s has a client", session_id, key.runtime_id, shell_id)
                client = await shell.attach()
                try:
                    yield Attached(lease.session, shell, client, found)
                finally:
                    await shell.detach(client)

    def alive(self, session: Session) -> bool:
        """Whether a session that a shell belongs to has not ended."""
        return self._sessions.now(session).alive

    async def close(self) -> None:
        """End every shell."""
        starts = list(self._shells.values())
        await asyncio.gather(*starts, return_exceptions=True)
        await asyncio.gather(*(start.result().close() for start in starts if not start.exception()))

    @contextmanager
    def _place(self, key: _Key) -> Iterator[None]:
        """One of the places a runtime has; whoever takes over a shell shares the place of the one before."""
        others = {other for other in self._clients if other.runtime_id == key.runtime_id} - {key}
        if len(others) >= MAX_SHELLS:
            raise ServiceQuotaExceededException(
                f"Agent '{key.runtime_id}' has {MAX_SHELLS} shells with a client, which is its quota. Close one."
            )
        self._clients[key] += 1
        try:
            yield
        finally:
            self._clients[key] -= 1
            if not self._clients[key]:
                del self._clients[key]

    async def _shell(self, key: _Key, incarnation: str) -> Shell:
        """The shell of this id in this incarnation of its session; whoever asks at the same time shares one start."""
        named = (key, incarnation)
        if named not in self._shells:
            self._shells[named] = start = asyncio.create_task(self._start(named))
            # A start nobody waits for any more (the client left) fails in silence.
            start.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            return await asyncio.shield(self._shells[named])
        except SandboxError as error:
            raise RuntimeClientError(f"The shell could not be started. {error}") from error

    async def _start(self, named: tuple[_Key, str]) -> Shell:
        key, incarnation = named
        try:
            shell = Shell(key.shell_id, await self._backend.open_shell(incarnation, _FIRST_SIZE))
        except BaseException:
            del self._shells[named]
            raise
        shell.life.add_done_callback(lambda _: self._shells.pop(named, None))
        return shell


def _ids(params: Mapping[str, Any]) -> tuple[str, str]:
    """The session id and the shell id of a request, made up where it has none."""
    session_id = params.get("runtimeSessionId") or str(uuid.uuid4())
    shell_id = params.get("shellId") or str(uuid.uuid4())
    failures = []
    if not MIN_SESSION_ID <= len(session_id) <= MAX_SESSION_ID:
        allowed = f"Member must have length between {MIN_SESSION_ID} and {MAX_SESSION_ID}, inclusive"
        failures.append(Failure("runtimeSessionId", allowed, show(session_id)))
    if not _SHELL_ID.fullmatch(shell_id):
        pattern = f"Member must satisfy regular expression pattern: {_SHELL_ID.pattern}"
        failures.append(Failure("shellId", pattern, show(shell_id)))
    if failures:
        raise rejection(failures)
    return session_id, shell_id
