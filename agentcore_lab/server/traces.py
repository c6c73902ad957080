"""Where the time of each invocation went, told to whoever follows the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from agentcore_lab.clock import Clock, stopwatch
from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.events import Events
from agentcore_lab.runtime.invoke import Answer, Call
from agentcore_lab.server.app import Streaming
from agentcore_lab.server.data import Asking
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import serialize_error


@dataclass(slots=True)
class _Trace:
    """One invocation; seconds of a stopwatch, None for what it did not come to."""

    began: float
    admitted: float | None = None
    head: float | None = None
    first_byte: float | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


_current: ContextVar[_Trace | None] = ContextVar("trace", default=None)


class Traced:
    """An operation of the data plane, watched from the moment its request was read to its last byte."""

    def __init__(self, inner: Streaming, events: Events, clock: Clock) -> None:
        self._inner = inner
        self._events = events
        self._clock = clock

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The inner operation's answer. Raises what that raises."""
        if not self._events.followed:
            return await self._inner.handle(scope, request, match, query, request_id)
        trace = _Trace(stopwatch())
        token = _current.set(trace)
        at, status, code = self._clock.now(), 499, None
        try:
            response = await self._inner.handle(scope, request, match, query, request_id)
            status, code = response.status, response.headers.get("x-amzn-ErrorType")
        except AwsError as error:
            status, code = serialize_error(match.operation, error, request_id).status, error.code
            raise
        else:
            return response
        finally:
            _current.reset(token)
            told = {
                "id": request_id,
                "operation": match.operation.name,
                "at": at.isoformat(),
                "status": status,
                "error": code,
                **_told(trace, stopwatch()),
            }
            self._events.tell("invocation", request_id, told)


def traced(ask: Any) -> Asking:
    """``ask``, noting in the invocation's trace when it was admitted, answered and begun to be read."""

    @asynccontextmanager
    async def asking(scope: Scope, call: Call) -> AsyncIterator[Answer]:
        trace = _current.get()
        if trace is None:
            async with ask(scope, call) as answer:
                yield answer
            return
        trace.admitted = stopwatch()
        trace.asked = dict(call.params)
        async with ask(scope, call) as answer:
            trace.head = stopwatch()
            trace.members, trace.facts = answer.members, dict(answer.facts)
            yield replace(answer, body=_noted(answer.body, trace))

    return asking


async def _noted(body: AsyncIterator[bytes], trace: _Trace) -> AsyncIterator[bytes]:
    async for chunk in body:
        if trace.first_byte is None:
            trace.first_byte = stopwatch()
        yield chunk


def _told(trace: _Trace, ended: float) -> dict[str, Any]:
    def since(moment: float | None) -> float | None:
        return None if moment is None else round((moment - trace.began) * 1000, 3)

    return {
        "agentRuntimeArn": trace.asked.get("agentRuntimeArn"),
        "sessionId": trace.members.get("runtimeSessionId") or trace.asked.get("runtimeSessionId"),
        "endpoint": trace.asked.get("qualifier") or "DEFAULT",
        "agentRuntimeVersion": trace.facts.get("x-agentcore-lab-version"),
        "contentType": trace.members.get("contentType"),
        "admittedMs": since(trace.admitted),
        "sandboxStartMs": _number(trace.facts.get("x-agentcore-lab-sandbox-start-ms")),
        "agentMs": _number(trace.facts.get("x-agentcore-lab-agent-ms")),
        "headMs": since(trace.head),
        "firstByteMs": since(trace.first_byte or trace.head),
        "lastByteMs": since(ended),
    }


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
