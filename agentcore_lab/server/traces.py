"""Where the time of each call to an agent went, told to whoever follows the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from agentcore_lab.clock import Clock, stopwatch
from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.events import EventsOfAccounts
from agentcore_lab.runtime.invoke import Answer, Call
from agentcore_lab.server.app import Streaming
from agentcore_lab.server.by_hand import Handler
from agentcore_lab.server.callers import account_of
from agentcore_lab.server.data import Asking
from agentcore_lab.server.tracing import Trace, current, tracing
from agentcore_lab.wire.models import Operation
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import serialize_error


class Traces:
    """Tells what was marked of each call, at its end, and of one that stays open when that begins too.

    The account is told whose agent it was. Of a call that its policies did not let through it learns nothing: that is
    told to the account it came from.
    """

    def __init__(self, events: EventsOfAccounts, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    @contextmanager
    def call(
        self, name: str, operation: Operation | None, request_id: str, owner: str, caller: str
    ) -> Iterator[list[web.StreamResponse]]:
        """Watch one call of one account to another's; its response, where it has one, is put into the list."""
        if not self._events.followed(owner) and not self._events.followed(caller):
            yield []
            return
        at, responses = self._clock.now().isoformat(), list[web.StreamResponse]()

        def tell(status: int, code: str | None, ended: float | None) -> None:
            told = {"id": request_id, "operation": name, "at": at, "status": status, "error": code}
            account_id = caller if trace.authorized is None else owner
            self._events.tell(account_id, "invocation", request_id, {**told, **trace.told(ended)})

        trace = Trace(lambda: tell(101, None, None))
        # A caller that has left is told of as nginx does it.
        status, code = 499, None
        try:
            with tracing(trace):
                yield responses
            if responses:
                status, code = responses[0].status, responses[0].headers.get("x-amzn-ErrorType")
        except AwsError as error:
            status, code = serialize_error(operation, error, request_id).status, error.code
            raise
        finally:
            tell(101 if trace.open else status, code, stopwatch())


class Traced:
    """An operation of the data plane, watched from the moment its request was read to its last byte."""

    def __init__(self, inner: Streaming, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The inner operation's answer. Raises what that raises."""
        owner, caller = scope.account_id, account_of(request, scope)
        with self._traces.call(match.operation.name, match.operation, request_id, owner, caller) as responses:
            response = await self._inner.handle(scope, request, match, query, request_id)
            responses.append(response)
            return response


class TracedByHand:
    """A WebSocket of the data plane, watched from its handshake to its end; ``name`` is what policies call it."""

    def __init__(self, inner: Handler, traces: Traces, name: str) -> None:
        self._inner = inner
        self._traces = traces
        self._name = name

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The inner handler's answer. Raises what that raises."""
        owner, caller = scope.account_id, account_of(request, scope)
        with self._traces.call(self._name, None, request_id, owner, caller) as responses:
            response = await self._inner.handle(scope, request, runtime, request_id)
            responses.append(response)
            return response


def traced(ask: Any) -> Asking:
    """``ask``, noting in the invocation's trace when it was admitted, answered and begun to be read."""

    @asynccontextmanager
    async def asking(scope: Scope, call: Call) -> AsyncIterator[Answer]:
        trace = current()
        if trace is None:
            async with ask(scope, call) as answer:
                yield answer
            return
        trace.admitted = stopwatch()
        async with ask(scope, call) as answer:
            trace.head = stopwatch()
            trace.members = answer.members
            trace.version = answer.facts.get("x-agentcore-lab-version")
            trace.start = _number(answer.facts.get("x-agentcore-lab-sandbox-start-ms"))
            trace.agent = _number(answer.facts.get("x-agentcore-lab-agent-ms"))
            yield replace(answer, body=_noted(answer.body, trace))

    return asking


async def _noted(body: AsyncIterator[bytes], trace: Trace) -> AsyncIterator[bytes]:
    async for chunk in body:
        if trace.first_byte is None:
            trace.first_byte = stopwatch()
        yield chunk


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
