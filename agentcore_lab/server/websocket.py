"""``/ws``: a client's WebSocket to the one of its session's agent (CONTRACT: sections 4.5, 13.6)."""

from __future__ import annotations

import binascii
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.headers import CUSTOM_PREFIX, SESSION_ID, to_container
from agentcore_lab.runtime.limits import (
    MAX_SESSION_ID,
    MIN_SESSION_ID,
    WEBSOCKET_FRAME_BYTES,
    WEBSOCKET_FRAMES_PER_SECOND,
    WEBSOCKET_SECONDS,
)
from agentcore_lab.runtime.plan import Lease, Plan
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.upstream import Upstream
from agentcore_lab.runtime.workload_token import Minting, with_token
from agentcore_lab.server import tracing
from agentcore_lab.server.bridge import Limits
from agentcore_lab.server.callers import asker_of
from agentcore_lab.server.session_sockets import SessionSockets
from agentcore_lab.server.subprotocols import HEADER, Subprotocols, offered
from agentcore_lab.wire.header_text import fits, readable

PATH = "/ws"
_ACTION = "InvokeAgentRuntimeWithWebSocketStream"
USER_ID = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
_PROTOCOLS = ("HTTP", "AGUI")
_LIMITS = Limits(
    WEBSOCKET_FRAME_BYTES, WEBSOCKET_FRAMES_PER_SECOND, open_for=timedelta(seconds=WEBSOCKET_SECONDS)
)

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asks for."""

    params: Params
    headers: CIMultiDict[str]
    subprotocols: Subprotocols

    @property
    def session_id(self) -> str:
        """The session it is for."""
        return str(self.params["runtimeSessionId"])


class WebSocketHandler:
    """Bridges WebSockets; ``plan`` says what a new session of a call starts from, ``mint`` for whom its agent acts."""

    def __init__(
        self,
        plan: Callable[[Scope, Params], Plan],
        sessions: Sessions,
        upstream: Upstream,
        sockets: SessionSockets,
        gate: Gate,
        mint: Minting,
    ) -> None:
        self._plan = plan
        self._sessions = sessions
        self._upstream = upstream
        self._sockets = sockets
        self._gate = gate
        self._mint = mint

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The bridge, from the handshake to its end. Raises AwsError before the upgrade alone."""
        handshake = read_handshake(request, runtime)
        tracing.parsed(handshake.params)
        user = await self._gate.require(scope, _ACTION, handshake.params, asker_of(request, scope))
        tracing.authorized()
        plan = self._plan(scope, handshake.params)
        if (protocol := protocol_of(plan.version.spec).name) not in _PROTOCOLS:
            raise ValidationException(
                f"Agent '{plan.runtime.id}' speaks {protocol}, which has no WebSocket: HTTP and AGUI have one."
            )
        token = self._mint(scope, plan.runtime.id, handshake.params, handshake.headers, user)
        # The hold ends with the handshake: an open WebSocket alone keeps no session Active, only its traffic does.
        async with self._sessions.use(
            plan.runtime.id, handshake.session_id, lambda: self._plan(scope, handshake.params)
        ) as lease:
            tracing.leased(lease.session, lease.started_in)
            headers = with_token(_to_agent(handshake, lease, request_id), token)
            answer = await self._upstream.upgrade(lease, PATH, headers)
        tracing.answered(stays_open=True)
        response = _switching(handshake, answer.headers, request_id)
        await self._sockets.bridge(request, response, answer, lease.session, _LIMITS)
        return response


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
    session_id = _told(request, query, SESSION_ID) or str(uuid.uuid4())
    if not MIN_SESSION_ID <= len(session_id) <= MAX_SESSION_ID:
        raise ValidationException(f"A session id has {MIN_SESSION_ID} to {MAX_SESSION_ID} characters.")
    headers = CIMultiDict(request.headers)
    for name, value in query.items():
        if name.lower().startswith(CUSTOM_PREFIX):
            headers.setdefault(name, _header_text(name, value))
    subprotocols = offered(request.headers)
    if (token := subprotocols.token()) is not None:
        headers["Authorization"] = f"Bearer {token}"
    params = {"agentRuntimeArn": runtime, "runtimeSessionId": session_id}
    params |= {name: query[name] for name in ("qualifier", "accountId") if query.get(name)}
    if user := _told(request, query, USER_ID):
        params["runtimeUserId"] = user
    return Handshake(params, headers, subprotocols)


def _to_agent(handshake: Handshake, lease: Lease, request_id: str) -> dict[str, str]:
    """The agent's handshake: the client's key, so that the answer to it is the client's too, but no extensions.

    Compression would be between the two ends, and what is a frame of 64 KB would no longer be told by its length.
    """
    configured = lease.version.spec.get("requestHeaderConfiguration") or {}
    allowlist = configured.get("requestHeaderAllowlist", ())
    headers = to_container(handshake.headers, allowlist, lease.session.session_id, request_id)
    headers["Sec-WebSocket-Key"] = handshake.headers["Sec-WebSocket-Key"]
    headers["Sec-WebSocket-Version"] = "13"
    if handshake.subprotocols.others:
        headers[HEADER] = ", ".join(handshake.subprotocols.others)
    return headers


def _switching(handshake: Handshake, agent: Mapping[str, str], request_id: str) -> web.StreamResponse:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": agent.get("Sec-WebSocket-Accept", ""),
        SESSION_ID: handshake.session_id,
        "x-amzn-RequestId": request_id,
    }
    if chosen := handshake.subprotocols.chosen(agent.get(HEADER)):
        headers[HEADER] = chosen
    return web.StreamResponse(status=101, headers=headers)


def _is_key(request: web.Request) -> bool:
    try:
        return len(b64decode(request.headers.get("Sec-WebSocket-Key", ""), validate=True)) == 16
    except binascii.Error:
        return False


def _told(request: web.Request, query: Mapping[str, str], name: str) -> str:
    """What a header or else a query parameter of this name says; nothing where there is neither."""
    return readable(request.headers.get(name, "")) or _header_text(name, query.get(name, ""))


def _header_text(name: str, value: str) -> str:
    if not fits(value):
        raise ValidationException(f"{name} has characters that no header may have.")
    return value
