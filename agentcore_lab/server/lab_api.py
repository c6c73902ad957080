"""The lab's own API under ``/_lab/``: what AWS has no call for. Panels and the command line read it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.session import Session, deadline
from agentcore_lab.runtime.sessions import Sessions


class LabApi:
    """Status and sessions, read only."""

    def __init__(self, scope: Scope, sessions: Sessions, clock: Clock, status: dict[str, Any]) -> None:
        self._scope = scope
        self._clock = clock
        self._sessions = sessions
        self._status = status

    def add_routes(self, app: web.Application) -> None:
        """Put this API's routes before AWS's."""
        app.router.add_get("/_lab/status", self.status)
        app.router.add_get("/_lab/sessions", self.sessions)

    async def status(self, _request: web.Request) -> web.Response:
        """What this engine is."""
        living = sum(session.alive for session in self._sessions.all())
        return web.json_response({**self._status, "sessions": living})

    async def sessions(self, request: web.Request) -> web.Response:
        """Every session, or those of the runtime named by ``?runtime=ARN or id``."""
        wanted = request.query.get("runtime", "").rpartition("/")[2]
        views = [
            self._view(session)
            for session in self._sessions.all()
            if not wanted or session.runtime_id == wanted
        ]
        return web.json_response({"asOf": self._clock.now().isoformat(), "sessions": views})

    def _view(self, session: Session) -> dict[str, Any]:
        due = deadline(session)
        return {
            "sessionId": session.session_id,
            "agentRuntimeArn": self._scope.runtime_arn(session.runtime_id),
            "agentRuntimeVersion": str(session.version),
            "endpoint": session.endpoint,
            "state": session.state,
            "architecture": session.architecture,
            "createdAt": session.created_at.isoformat(),
            "lastActivityAt": session.last_activity_at.isoformat(),
            "inFlight": session.in_flight,
            "endsAt": due[0].isoformat() if due else None,
            "endsBecause": due[1] if due else None,
            "reason": session.reason,
            "endedAt": session.ended_at.isoformat() if session.ended_at else None,
            "sandboxId": session.incarnation,
            "sandbox": self._status["sandbox"],
        }
