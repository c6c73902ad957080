"""The lab's own API under ``/_lab/``: what AWS has no call for. Panels and the command line use it.

Each account is answered for itself (server/lab_door.py, docs/inbound.md).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import web

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ResourceNotFoundException, ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.server.events import EventStream
from agentcore_lab.server.lab_door import LabDoor, json_of
from agentcore_lab.server.session_json import described, endpoint_json, listed, storage_json, usage_json

MAX_ADVANCE_SECONDS = 366 * 24 * 3600
"""Beyond any lifetime AWS allows (14 days), and far from the end of dates."""


class LabApi:
    """Status, an account's sessions, and the engine's clock."""

    def __init__(
        self,
        door: LabDoor,
        sessions: Sessions,
        storage: SessionStorage,
        clock: Clock,
        status: dict[str, Any],
        events: EventStream,
    ) -> None:
        self._door = door
        self._events = events
        self._storage = storage
        self._clock = clock
        self._sessions = sessions
        self._status = status

    def add_routes(self, app: web.Application) -> None:
        """Put this API's routes before AWS's. The status alone asks nobody who he is: it is how engines are found."""
        asks = self._door.asks
        app.router.add_get("/_lab/status", self.status)
        app.router.add_get("/_lab/sessions", asks(self.sessions))
        app.router.add_get("/_lab/sessions/{session_id}", asks(self.session))
        app.router.add_get("/_lab/clock", asks(self.clock))
        app.router.add_post("/_lab/clock", self._door.asks_owner(self.advance, "its clock"))
        self._events.add_routes(app)

    async def status(self, _request: web.Request) -> web.Response:
        """What this engine is; nothing of what it has."""
        return web.json_response(self._status)

    async def sessions(self, request: web.Request, scope: Scope) -> web.Response:
        """Every session of the account, or those of the runtime named by ``?runtime=ARN or id``.

        ``?usage=1`` adds what each living one has used, which asks its sandbox.
        """
        found = self._of_runtime(request, scope)
        views = [self._listed(session) for session in found]
        if request.query.get("usage"):
            usages = await asyncio.gather(*(self._sessions.usage(session) for session in found))
            for view, usage in zip(views, usages, strict=True):
                view["usage"] = usage_json(usage)
        return web.json_response({"asOf": self._clock.now().isoformat(), "sessions": views})

    async def session(self, request: web.Request, scope: Scope) -> web.Response:
        """All that is known of one session: its living incarnation, or the one that ended last."""
        wanted = request.match_info["session_id"]
        session = next((s for s in self._of_runtime(request, scope) if s.session_id == wanted), None)
        if session is None:
            raise ResourceNotFoundException(f"No session {wanted} is known to this engine.")
        usage, log, stored = await asyncio.gather(
            self._sessions.usage(session), self._sessions.log_tail(session), self._storage.of(session)
        )
        now = self._sessions.now(session)
        view = {
            **self._listed(now),
            **described(now),
            **endpoint_json(self._status["url"], now),
            "usage": usage_json(usage),
            "storage": [storage_json(each) for each in stored],
            "logTail": list(log),
        }
        view["diagnostics"] += [each.excess for each in stored if each.excess]
        return web.json_response({"asOf": self._clock.now().isoformat(), "session": view})

    async def clock(self, _request: web.Request, _scope: Scope) -> web.Response:
        """What the engine's clock shows, and how far it is ahead of the machine's."""
        now = self._clock.now()
        return web.json_response({"now": now.isoformat(), "aheadSeconds": self._clock.ahead.total_seconds()})

    async def advance(self, request: web.Request, scope: Scope) -> web.Response:
        """Set the engine's clock ahead by ``{"advanceSeconds": n}``; agents inside containers keep real time.

        Whoever calls a session next meets it as it is at that time: what has become due is over by then.
        """
        self._clock.advance(timedelta(seconds=_seconds(await json_of(request))))
        await self._sessions.catch_up()
        self._events.clock_changed()
        return await self.clock(request, scope)

    def _of_runtime(self, request: web.Request, scope: Scope) -> list[Session]:
        wanted = request.query.get("runtime", "").rpartition("/")[2]
        known = self._sessions.of(scope.account_id)
        return [session for session in known if not wanted or session.runtime_id == wanted]

    def _listed(self, session: Session) -> dict[str, Any]:
        return {**listed(session, self._clock.now()), "sandbox": self._status["sandbox"]}


def _seconds(asked: Any) -> float:
    seconds: Any = asked.get("advanceSeconds") if isinstance(asked, dict) else None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds <= MAX_ADVANCE_SECONDS:
        raise ValidationException(f'Send {{"advanceSeconds": n}}, with n from 0 to {MAX_ADVANCE_SECONDS}.')
    return float(seconds)
