"""InvokeAgentRuntime over HTTP: the request's bytes to the container, the container's bytes to the caller."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from aiohttp import web

from agentcore_lab.errors import AwsError, ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.invoke import Answer, Call, Invoker
from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES
from agentcore_lab.server.callers import asker_of
from agentcore_lab.wire.parse import parse_head
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import response_headers
from agentcore_lab.wire.validate import validate

log = logging.getLogger(__name__)


class InvokeHandler:
    """Relays one invocation; the payload is never parsed and never held as a whole."""

    def __init__(self, invoker: Invoker, gate: Gate) -> None:
        self._invoker = invoker
        self._gate = gate

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The container's answer as it comes. Raises AwsError before the first byte of it is sent."""
        params = parse_head(match, query, request.headers)
        validate(match.operation, params)
        self._gate.require(scope, match.operation.name, params, asker_of(request, scope))
        if (request.content_length or 0) > MAX_PAYLOAD_BYTES:
            raise _too_large()
        call = Call(params, request.headers, _limited(request), request_id)
        async with self._invoker.invoke(scope, call) as answer:
            headers = {
                **response_headers(match.operation, answer.members),
                **answer.facts,
                "x-amzn-RequestId": request_id,
            }
            response = web.StreamResponse(status=match.operation.success_status, headers=headers)
            await response.prepare(request)
            await _relay(answer, response, request, request_id)
            return response


async def _relay(answer: Answer, response: web.StreamResponse, request: web.Request, request_id: str) -> None:
    try:
        async for chunk in answer.body:
            await response.write(chunk)
        # The server ends the answer once the session's hold is given back: a caller who has read it all finds the
        # session at rest.
    except AwsError as error:
        # The status line is gone already: only a broken connection can tell the caller that this is not the end.
        log.warning("invocation %s broke off: %s", request_id, error.message)
        if request.transport is not None:
            request.transport.abort()


async def _limited(request: web.Request) -> AsyncIterator[bytes]:
    total = 0
    async for chunk in request.content.iter_any():
        total += len(chunk)
        if total > MAX_PAYLOAD_BYTES:
            raise _too_large()
        yield chunk


def _too_large() -> ValidationException:
    return ValidationException(f"The payload is larger than {MAX_PAYLOAD_BYTES:,} bytes")
