"""InvokeAgentRuntime and GetAgentCard over HTTP: the caller's bytes to the container, the container's to the caller."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from aiohttp import web

from agentcore_lab.errors import AwsError, MethodNotAllowedException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.invoke import Answer, Call, Invoker, rpc_head
from agentcore_lab.runtime.jsonrpc import RpcHead
from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES
from agentcore_lab.runtime.payload import Payload, too_large
from agentcore_lab.runtime.protocol_errors import Envelope, enveloped
from agentcore_lab.runtime.throttle import Kind, Throttle
from agentcore_lab.server import tracing
from agentcore_lab.server.body import body_of
from agentcore_lab.server.callers import account_of, asker_of
from agentcore_lab.server.failure import internal_error
from agentcore_lab.wire.models import Operation
from agentcore_lab.wire.parse import parse_head
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import response_headers
from agentcore_lab.wire.validate import validate

log = logging.getLogger(__name__)

Asking = Callable[[Scope, Call], AbstractAsyncContextManager[Answer]]


class DataHandler:
    """Relays one operation's calls; the payload is never held as a whole, and errors speak the agent's protocol."""

    def __init__(self, invoker: Invoker, throttle: Throttle, gate: Gate, ask: Asking) -> None:
        self._invoker = invoker
        self._throttle = throttle
        self._gate = gate
        self._ask = ask

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The container's answer as it comes. Raises AwsError before the first byte of it is sent."""
        params = parse_head(match, query, request.headers)
        body = body_of(request)
        payload = Payload(body.chunks(), MAX_PAYLOAD_BYTES, body.whole)
        call = Call(params, request.headers, payload, request_id)
        relay = _Relay(request, match.operation, request_id)
        failure: AwsError
        try:
            self._throttle.admit(Kind.DATA, account_of(request, scope))
            validate(match.operation, params)
            tracing.parsed(params)
            user = await self._gate.require(scope, match.operation.name, params, asker_of(request, scope))
            tracing.authorized()
            if (request.content_length or 0) > MAX_PAYLOAD_BYTES:
                raise too_large(MAX_PAYLOAD_BYTES)
            async with self._ask(scope, replace(call, user=user)) as answer:
                if answer.whole is None:
                    await relay.begin(answer)
                    await relay.pump(answer.body)
                else:
                    relay.keep(answer, answer.whole)
        except AwsError as error:
            failure = error
        except Exception:
            failure = internal_error(request_id)
        else:
            assert relay.response is not None, "an answer has been made"
            return relay.response
        begun = relay.break_off(failure)
        return begun or await self._refusal(scope, call, failure)

    async def _refusal(self, scope: Scope, call: Call, error: AwsError) -> web.Response:
        """The error in the form of the agent's protocol. Raises it where that is AWS's own form."""
        protocol = self._invoker.protocol(scope, call.params)
        if protocol is None:
            raise error
        head = await rpc_head(call) if protocol.json_rpc else RpcHead()
        envelope = enveloped(protocol.name, error, head)
        if envelope is None:
            raise error
        return _enveloped(envelope, call, error, protocol.name)


class NotAllowed:
    """Answers what an MCP client tries besides POST: the platform opens no stream of its own, and ends no session.

    The MCP specification lets a server answer 405 to both; what AWS answers is not documented.
    """

    async def handle(
        self, _scope: Scope, request: web.Request, _runtime: str, _request_id: str
    ) -> web.StreamResponse:
        """Never an answer. Raises MethodNotAllowedException."""
        raise MethodNotAllowedException(f"{request.method} is not supported here: use POST.")


class _Relay:
    """One answer on its way to one caller."""

    def __init__(self, request: web.Request, operation: Operation, request_id: str) -> None:
        self._request = request
        self._operation = operation
        self._request_id = request_id
        self.response: web.StreamResponse | None = None

    async def begin(self, answer: Answer) -> None:
        """Send the head of the answer."""
        self.response = web.StreamResponse(status=answer.status, headers=self._headers(answer))
        await self.response.prepare(self._request)

    def keep(self, answer: Answer, whole: bytes) -> None:
        """Make a complete answer; the server sends it once the session's hold is given back."""
        self.response = web.Response(status=answer.status, headers=self._headers(answer), body=whole)

    async def pump(self, body: AsyncIterator[bytes]) -> None:
        """Send the body as it comes; the server ends the answer once the session's hold is given back.

        A caller who has read it all therefore finds the session at rest.
        """
        assert self.response is not None, "the head goes first"
        async for chunk in body:
            await self.response.write(chunk)

    def break_off(self, error: AwsError) -> web.StreamResponse | None:
        """Break the connection of an answer that has begun: only that tells the caller that this is not its end."""
        if self.response is None or not self.response.prepared:
            return None
        log.warning("invocation %s broke off: %s", self._request_id, error.message)
        if self._request.transport is not None:
            self._request.transport.abort()
        return self.response

    def _headers(self, answer: Answer) -> dict[str, str]:
        headers = {
            **response_headers(self._operation, answer.members),
            **answer.facts,
            "x-amzn-RequestId": self._request_id,
        }
        if self._operation.name == "GetAgentCard":
            headers["Content-Type"] = "application/json"
        return headers


def _enveloped(envelope: Envelope, call: Call, error: AwsError, protocol: str) -> web.Response:
    headers = {
        "x-amzn-RequestId": call.request_id,
        "Content-Type": envelope.content_type,
        **error.headers,
    }
    if envelope.status >= 400:
        headers["x-amzn-ErrorType"] = error.code
    if protocol == "MCP" and (name := call.params.get("mcpSessionId") or call.params.get("runtimeSessionId")):
        headers["Mcp-Session-Id"] = name
    return web.Response(status=envelope.status, headers=headers, body=envelope.body)
