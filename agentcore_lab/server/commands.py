"""InvokeAgentRuntimeCommand over HTTP: a JSON request, an answer that is a stream of events."""

from __future__ import annotations

import logging

from aiohttp import web

from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.commands import Commands, Running
from agentcore_lab.runtime.throttle import Kind, Throttle
from agentcore_lab.server import tracing
from agentcore_lab.server.body import body_of
from agentcore_lab.server.callers import account_of, asker_of
from agentcore_lab.server.failure import internal_error
from agentcore_lab.wire.eventstream import CONTENT_TYPE, EventStream
from agentcore_lab.wire.parse import parse
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import response_headers
from agentcore_lab.wire.validate import validate

log = logging.getLogger(__name__)


class CommandHandler:
    """Runs one command; a caller that leaves ends it."""

    def __init__(self, commands: Commands, throttle: Throttle, gate: Gate) -> None:
        self._commands = commands
        self._throttle = throttle
        self._gate = gate

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The events as they come. Raises AwsError before the first of them is sent."""
        body = await body_of(request).read()
        self._throttle.admit(Kind.DATA, account_of(request, scope))
        params = parse(match, query, request.headers, body)
        validate(match.operation, params)
        tracing.parsed(params)
        await self._gate.require(scope, match.operation.name, params, asker_of(request, scope))
        tracing.authorized()
        async with self._commands.run(scope, params) as running:
            tracing.leased(running.lease.session, running.lease.started_in)
            tracing.answered()
            response = web.StreamResponse(
                status=match.operation.success_status,
                headers={
                    **response_headers(match.operation, {**running.members, "contentType": CONTENT_TYPE}),
                    "x-amzn-RequestId": request_id,
                },
            )
            await response.prepare(request)
            await _send(running, response, EventStream(match.operation), request_id)
            return response


async def _send(running: Running, response: web.StreamResponse, stream: EventStream, request_id: str) -> None:
    try:
        async for event in running.events:
            if "contentDelta" in event:
                tracing.came()
            await response.write(stream.event("chunk", event))
    except ConnectionError:
        pass  # the caller has left
    except AwsError as error:
        log.warning("command %s broke off: %s", request_id, error.message)
        await response.write(stream.exception(error))
    except Exception:
        await response.write(stream.exception(internal_error(request_id)))
