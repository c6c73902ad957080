"""``/ws``: a client's WebSocket to the one of its session's agent (CONTRACT: sections 4.5, 13.6)."""

from __future__ import annotations

import asyncio
import binascii
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.headers import CUSTOM_PREFIX, SESSION_ID, to_container
from agentcore_lab.runtime.limits import MAX_SESSION_ID, MIN_SESSION_ID, WEBSOCKET_SECONDS
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Lease, Plan, Sessions
from agentcore_lab.runtime.upstream import Upstream
from agentcore_lab.server.bridge import AGENT_ERROR, GOING_AWAY, Bridge, Ending, Side
from agentcore_lab.server.upgraded import Upgraded

PATH = "/ws"
_PROTOCOLS = ("HTTP", "AGUI")
_BEARER = "base64UrlBearerAuthorization"
_NOTICED_EVERY = timedelta(milliseconds=100)
"""How exactly a session knows when its last frame was: enough for time-outs of a minute and more."""

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asks for. ``protocols`` are its subprotocols but for the one that carries a token."""

    params: Params
    headers: CIMultiDict[str]
    protocols: tuple[str, ...]
    authorised_by_protocol: bool

    @property
    def session_id(self) -> str:
        """The session it is for."""
        return str(self.params["runtimeSessionId"])


class WebSocketHandler:
    """Bridges WebSockets; ``plan`` says what a new session of a call starts from."""

    def __init__(
        self, plan: Callable[[Scope, Params], Plan], sessions: Sessions, upstream: Upstream, clock: Clock
    ) -> None:
        self._plan = plan
        self._sessions = sessions
        self._upstream = upstream
        self._clock = clock
        self._closing = asyncio.Event()

    async def close(self, _app: web.Application) -> None:
        """Close every WebSocket, so that the engine can end."""
        self._closing.set()

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The bridge, from the handshake to its end. Raises AwsError before the upgrade alone."""
        handshake = read_handshake(request, runtime)
        plan = self._plan(scope, handshake.params)
        if (protocol := protocol_of(plan.version.spec).name) not in _PROTOCOLS:
            raise ValidationException(
                f"Agent '{plan.runtime.id}' speaks {protocol}, which has no WebSocket: HTTP and AGUI have one."
            )
        # The hold ends with the handshake: an open WebSocket alone keeps no session Active, only its traffic does.
        async with self._sessions.use(
            plan.runtime.id, handshake.session_id, lambda: self._plan(scope, handshake.params)
        ) as lease:
            answer = await self._upstream.upgrade(lease, PATH, _to_agent(handshake, lease, request_id))
        agent = Upgraded.of_response(answer)
        closes_at = self._clock.now() + timedelta(seconds=WEBSOCKET_SECONDS)
        try:
            response = _switching(handshake, answer.headers, request_id)
            await response.prepare(request)
            client = Upgraded.of_request(request)
        except BaseException:
            agent.close()
            raise
        await self._bridge(client, agent, lease.session, closes_at)
        return response

    async def _bridge(self, client: Upgraded, agent: Upgraded, session: Session, closes_at: datetime) -> None:
        bridge = Bridge(
            Side(client, _client_left, is_server=False),
            Side(agent, lambda: self._agent_lost(session), is_server=True),
            self._clock,
            self._notice(session),
        )
        await bridge.run(self._session_over(session), self._hour_over(closes_at), self._engine_closes())

    def _notice(self, session: Session) -> Callable[[], None]:
        noticed = self._clock.now() - _NOTICED_EVERY

        def flowed() -> None:
            nonlocal noticed
            now = self._clock.now()
            if now - noticed >= _NOTICED_EVERY:
                noticed = now
                self._sessions.flowed(session)

        return flowed

    async def _agent_lost(self, session: Session) -> Ending:
        now = await self._upstream.lost(session)
        return _ended(now) if not now.alive else Ending(AGENT_ERROR, "The agent broke off the connection.")

    async def _session_over(self, session: Session) -> Ending:
        return _ended(await self._sessions.over(session))

    async def _hour_over(self, closes_at: datetime) -> Ending:
        await self._clock.sleep_until(closes_at)
        return Ending(GOING_AWAY, f"A WebSocket is open for at most {WEBSOCKET_SECONDS // 60} minutes.")

    async def _engine_closes(self) -> Ending:
        await self._closing.wait()
        return Ending(GOING_AWAY, "The engine ends.")


def read_handshake(request: web.Request, runtime: str) -> Handshake:
    """What a client asks for with its GET: by headers, or by query parameters where a browser can set no headers.

    Query parameters of a presigned URL are not for the agent and are left behind with the rest of the query.

    Raises:
        ValidationException: no WebSocket handshake, or one with a session id or a token that cannot be.
    """
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise ValidationException(f"{PATH} is a WebSocket: the request asks for no upgrade to one.")
    if request.headers.get("Sec-WebSocket-Version") != "13" or not _is_key(request):
        raise ValidationException(
            "The WebSocket handshake needs Sec-WebSocket-Version 13 and a key of 16 bytes."
        )
    query = CIMultiDict(request.query)
    session_id = request.headers.get(SESSION_ID) or query.get(SESSION_ID) or str(uuid.uuid4())
    if not MIN_SESSION_ID <= len(session_id) <= MAX_SESSION_ID:
        raise ValidationException(f"A session id has {MIN_SESSION_ID} to {MAX_SESSION_ID} characters.")
    headers = CIMultiDict(request.headers)
    for name, value in query.items():
        if name.lower().startswith(CUSTOM_PREFIX):
            headers.setdefault(name, _header_text(name, value))
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    for token in (each.removeprefix(f"{_BEARER}.") for each in offered if each.startswith(f"{_BEARER}.")):
        headers["Authorization"] = f"Bearer {_token(token)}"
    params = {"agentRuntimeArn": runtime, "runtimeSessionId": session_id}
    params |= {name: query[name] for name in ("qualifier", "accountId") if query.get(name)}
    return Handshake(
        params,
        headers,
        tuple(each for each in offered if each and not each.startswith(_BEARER)),
        _BEARER in offered,
    )


def _to_agent(handshake: Handshake, lease: Lease, request_id: str) -> dict[str, str]:
    """The agent's handshake: the client's key, so that the answer to it is the client's too, but no extensions.

    Compression would be between the two ends, and what is a frame of 64 KB would no longer be told by its length.
    """
    configured = lease.version.spec.get("requestHeaderConfiguration") or {}
    allowlist = configured.get("requestHeaderAllowlist", ())
    headers = to_container(handshake.headers, allowlist, lease.session.session_id, request_id)
    headers["Sec-WebSocket-Key"] = handshake.headers["Sec-WebSocket-Key"]
    headers["Sec-WebSocket-Version"] = "13"
    if handshake.protocols:
        headers["Sec-WebSocket-Protocol"] = ", ".join(handshake.protocols)
    return headers


def _switching(handshake: Handshake, agent: Mapping[str, str], request_id: str) -> web.StreamResponse:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": agent.get("Sec-WebSocket-Accept", ""),
        SESSION_ID: handshake.session_id,
        "x-amzn-RequestId": request_id,
    }
    chosen = agent.get("Sec-WebSocket-Protocol") or (_BEARER if handshake.authorised_by_protocol else None)
    if chosen:
        headers["Sec-WebSocket-Protocol"] = chosen
    response = web.StreamResponse(status=101, headers=headers)
    response.force_close()  # what was a request's connection is not one again
    return response


async def _client_left() -> Ending:
    return Ending(GOING_AWAY, "The client left.")


def _ended(session: Session) -> Ending:
    code = AGENT_ERROR if session.reason in {Reason.CRASHED, Reason.UNHEALTHY} else GOING_AWAY
    return Ending(code, f"The session ended: {session.reason}. {session.detail}")


def _is_key(request: web.Request) -> bool:
    try:
        return len(b64decode(request.headers.get("Sec-WebSocket-Key", ""), validate=True)) == 16
    except binascii.Error:
        return False


def _token(encoded: str) -> str:
    try:
        token = b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True).decode("ascii")
    except ValueError:
        raise ValidationException(f"The subprotocol {_BEARER} carries no token in base64url.") from None
    return _header_text("Authorization", token)


def _header_text(name: str, value: str) -> str:
    if not value.isprintable():
        raise ValidationException(f"{name} has characters that no header may have.")
    return value
