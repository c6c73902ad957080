"""Who may reach a session's endpoint by the form for programs (AWS: InvokeAgentRuntimeProxy)."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.errors import UnauthorizedException
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.session import Session
from agentcore_lab.server.callers import asker_of, brings_nothing
from agentcore_lab.server.door import MISSING, Door, Wants

MAX_BODY = MAX_PAYLOAD_BYTES
"""Bytes: as much as an invocation may bring. AWS names no limit."""

_WANTS = Wants(frozenset({"bedrock-agentcore"}), regional=True, most=MAX_BODY, tokens=True, nobody=True)


class EndpointGuard:
    """Asks the door who calls, and the runtime's gate whether he may."""

    def __init__(self, door: Door, gate: Gate, scopes: Scopes) -> None:
        self._door = door
        self._gate = gate
        self._scopes = scopes

    async def require(self, request: web.Request, session: Session | None) -> None:
        """Let in who may invoke the session's runtime, as its session endpoint's action; nobody knows of no session.

        Raises:
            UnauthorizedException: the request brings no credentials, or no good token.
            AwsError: it may not.
        """
        await self._door.admit(request, _WANTS)
        if brings_nothing(request):
            raise UnauthorizedException(MISSING, "Bearer")
        if session is None:
            return
        scope = self._scopes.of(session.runtime_id)
        params = {
            "agentRuntimeArn": scope.runtime_arn(session.runtime_id),
            "qualifier": session.endpoint,
            "runtimeSessionId": session.session_id,
        }
        await self._gate.require(scope, "InvokeAgentRuntimeProxy", params, asker_of(request, scope))
