"""``GET /_lab/events``: all that panels of an account need to know, as one stream of server-sent events.

The first event is a ``snapshot``; then ``session``, ``ping``, ``runtime``, ``invocation``, ``clock``, and on demand
``usage`` (``?usage=1``) and ``log`` (``?logs=`` session or sandbox id, several with commas). A client that comes back
with Last-Event-ID gets what it missed, or a new snapshot where that is not known any more. docs/panels.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.events import Event, Events, EventsOfAccounts
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.server.gauges import LogTail, UsageGauge
from agentcore_lab.server.lab_door import LabDoor
from agentcore_lab.server.told import Words, ping_json

GATHER_SECONDS = 0.05
"""Changes that come together are told together; nobody sees the difference, and a busy engine writes less."""

SILENCE_SECONDS = 15.0
"""After so long without news a comment is sent: a client that is gone is noticed by it."""

_ENDED_TOLD = 100


class EventStream:
    """Serves the stream."""

    def __init__(
        self,
        door: LabDoor,
        events: EventsOfAccounts,
        words: Words,
        sessions: Sessions,
        clock: Clock,
        about: dict[str, Any],
    ) -> None:
        self._door = door
        self._events = events
        self._words = words
        self._sessions = sessions
        self._clock = clock
        self._about = about
        self._gauges: dict[str, UsageGauge] = {}
        self._tails: dict[str, LogTail] = {}

    def add_routes(self, app: web.Application) -> None:
        """Put the stream's route before AWS's."""
        app.router.add_get("/_lab/events", self._door.asks(self.stream))
        app.on_shutdown.append(self.close)

    async def close(self, _app: web.Application) -> None:
        """End every stream."""
        self._events.close()

    def clock_changed(self) -> None:
        """Tell what the clock shows now."""
        self._events.tell_all("clock", self._clock_json())

    async def stream(self, request: web.Request, scope: Scope) -> web.StreamResponse:
        """Events of the caller's account until he leaves, his credentials end or the engine does."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        )
        async with AsyncExitStack() as stack:
            stack.enter_context(self._events.of(scope.account_id).follow())
            if request.query.get("usage"):
                await stack.enter_async_context(self._gauge(scope).shared.wanted())
            tails = [
                await stack.enter_async_context(self._tailed(session))
                for session in self._named(request.query.get("logs", ""), scope)
            ]
            await response.prepare(request)
            await self._follow(request, response, scope, tails)
        return response

    async def _follow(
        self, request: web.Request, response: web.StreamResponse, scope: Scope, tails: Sequence[LogTail]
    ) -> None:
        events = self._events.of(scope.account_id)
        cursor = self._missed_from(request, events)
        if cursor is None:
            cursor = events.number
            await response.write(self._snapshot(scope, cursor))
        logs_from = events.number
        wanted = {tail.session.incarnation for tail in tails}
        for tail in tails:
            await response.write(self._told("log", tail.told_afresh(), cursor))
        while not events.closed:
            quiet = False
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await events.news(cursor)
            except TimeoutError:
                quiet = True
            if not self._door.lasts(request):
                return
            if quiet:
                await response.write(b":\n\n")
                continue
            await asyncio.sleep(GATHER_SECONDS)
            missed = events.since(cursor)
            if missed is None:
                cursor = events.number
                await response.write(self._snapshot(scope, cursor))
            elif missed:
                seen = [event for event in missed if _is_for(event, wanted, logs_from)]
                start, cursor = cursor, missed[-1].number
                if seen:
                    await response.write(b"".join(self._batch(seen, start)))

    def _batch(self, events: Sequence[Event], start: int) -> Iterator[bytes]:
        """The events without those a later one makes needless; health checks in one, which has no number of its own."""
        now = self._clock.now()
        latest = {(event.kind, event.key): event.number for event in events}
        last = [event for event in events if latest[event.kind, event.key] == event.number]
        pings = {event.key: ping_json(event.value) for event in last if event.kind == "ping"}
        rest = [event for event in last if event.kind != "ping"]
        if pings:
            number = start if rest else events[-1].number
            yield self._told("ping", {"now": now.isoformat(), "pings": pings}, number)
        for event in rest:
            yield self._told(event.kind, self._words.event(event, now), event.number)

    def _snapshot(self, scope: Scope, number: int) -> bytes:
        now = self._clock.now()
        sessions = self._sessions.of(scope.account_id)
        living = [session for session in sessions if session.alive]
        ended = [session for session in sessions if not session.alive][:_ENDED_TOLD]
        told = {
            "engine": {**self._about, "account_id": scope.account_id},
            **self._clock_json(),
            "sessions": [
                {
                    **self._words.session(session, now),
                    "pings": [ping_json(ping) for ping in session.health.history],
                }
                for session in [*living, *ended]
            ],
            "runtimes": self._words.runtimes(scope),
        }
        return self._told("snapshot", told, number)

    def _clock_json(self) -> dict[str, Any]:
        return {"now": self._clock.now().isoformat(), "aheadSeconds": self._clock.ahead.total_seconds()}

    def _told(self, kind: str, value: Any, number: int) -> bytes:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return f"id: {self._about['instance']}-{number}\nevent: {kind}\ndata: {text}\n\n".encode()

    def _missed_from(self, request: web.Request, events: Events) -> int | None:
        """The number of the last event a client had of this very engine, if what came after is known."""
        instance, _, number = request.headers.get("Last-Event-ID", "").rpartition("-")
        if instance != self._about["instance"] or not number.isdecimal():
            return None
        return int(number) if events.since(int(number)) is not None else None

    def _named(self, ids: str, scope: Scope) -> Iterable[Session]:
        wanted = {name for name in ids.split(",") if name}
        found: dict[str, Session] = {}
        for session in self._sessions.of(scope.account_id):
            for name in wanted & {session.session_id, session.incarnation}:
                found.setdefault(name, session)
        return {session.incarnation: session for session in found.values()}.values()

    def _gauge(self, scope: Scope) -> UsageGauge:
        account_id = scope.account_id
        if account_id not in self._gauges:
            self._gauges[account_id] = UsageGauge(account_id, self._sessions, self._events.of(account_id))
        return self._gauges[account_id]

    def _tailed(self, session: Session) -> Any:
        tail = self._tails.get(session.incarnation)
        if tail is None:
            events = self._events.of(session.scope.account_id)
            tail = self._tails[session.incarnation] = LogTail(session, self._sessions, events)
        return tail.followed(lambda: self._tails.pop(session.incarnation, None))


def _is_for(event: Event, logs: set[str], logs_from: int) -> bool:
    """Whether a client wants it: of logs only those it asked for, after what it was given afresh."""
    return event.kind != "log" or (event.key.partition("/")[0] in logs and event.number > logs_from)
