"""WebSockets of sessions: each ends with its session at the latest, and its traffic is the session's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import aiohttp
from aiohttp import web

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.upstream import Upstream
from agentcore_lab.server.bridge import AGENT_ERROR, GOING_AWAY, Bridge, Ending, Limits, Side
from agentcore_lab.server.upgraded import Upgraded

_NOTICED_EVERY = timedelta(milliseconds=100)
"""How exactly a session knows when its last frame was: enough for time-outs of a minute and more."""


class SessionSockets:
    """All WebSockets of an engine, once they are open."""

    def __init__(self, sessions: Sessions, upstream: Upstream, clock: Clock) -> None:
        self._sessions = sessions
        self._upstream = upstream
        self._clock = clock
        self._closing = asyncio.Event()

    async def close(self, _app: web.Application) -> None:
        """Close every one of them, so that the engine can end."""
        self._closing.set()

    async def bridge(
        self,
        request: web.Request,
        response: web.StreamResponse,
        answer: aiohttp.ClientResponse,
        session: Session,
        limits: Limits,
    ) -> None:
        """Send ``response``, a 101, as ``answer`` is one, and bridge the two until their end."""
        server = Upgraded.of_response(answer)
        closes_at = self._clock.now() + limits.open_for
        response.force_close()  # what was a request's connection is not one again
        try:
            await response.prepare(request)
            client = Upgraded.of_request(request)
        except BaseException:
            server.close()
            raise
        bridge = Bridge(
            Side(client, _client_left, is_server=False),
            Side(server, lambda: self._server_lost(session), is_server=True),
            self._clock,
            limits,
            self._notice(session),
        )
        await bridge.run(self._session_over(session), self._expired(closes_at), self._engine_closes())

    def _notice(self, session: Session) -> Callable[[], None]:
        noticed = self._clock.now() - _NOTICED_EVERY

        def flowed() -> None:
            nonlocal noticed
            now = self._clock.now()
            if now - noticed >= _NOTICED_EVERY:
                noticed = now
                self._sessions.flowed(session)

        return flowed

    async def _server_lost(self, session: Session) -> Ending:
        now = await self._upstream.lost(session)
        return Ending(AGENT_ERROR, "The agent broke off the connection.") if now.alive else _ended(now)

    async def _session_over(self, session: Session) -> Ending:
        return _ended(await self._sessions.over(session))

    async def _expired(self, closes_at: datetime) -> Ending:
        await self._clock.sleep_until(closes_at)
        return Ending(GOING_AWAY, "It has been open for as long as a WebSocket may be.")

    async def _engine_closes(self) -> Ending:
        await self._closing.wait()
        return Ending(GOING_AWAY, "The engine ends.")


async def _client_left() -> Ending:
    return Ending(GOING_AWAY, "The client left.")


def _ended(session: Session) -> Ending:
    code = AGENT_ERROR if session.reason in {Reason.CRASHED, Reason.UNHEALTHY} else GOING_AWAY
    return Ending(code, f"The session ended: {session.reason}. {session.detail}")
