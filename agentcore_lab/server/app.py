"""One aiohttp application: every request gets an id, an operation, and an answer in AWS's form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from agentcore_lab.errors import (
    AwsError,
    NotImplementedException,
    UnknownOperationException,
)
from agentcore_lab.neighbours.destination import destination
from agentcore_lab.runtime.arn import Scope, scope_named
from agentcore_lab.runtime.authorization import GUARDED, Gate
from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES
from agentcore_lab.runtime.operations import Operation as Handler
from agentcore_lab.runtime.throttle import Kind, Throttle, control_kind
from agentcore_lab.server.body import body_of, letting_go
from agentcore_lab.server.by_hand import Routes
from agentcore_lab.server.callers import account_of, asker_of, brings_nothing
from agentcore_lab.server.door import MISSING, Door, Wants
from agentcore_lab.server.failure import internal_error
from agentcore_lab.server.model import MAX_BODY as MAX_MODEL_BODY
from agentcore_lab.server.neighbours import Neighbours
from agentcore_lab.wire.models import CONTROL, MODEL, Operation, load_model_operations, load_operations
from agentcore_lab.wire.parse import parse
from agentcore_lab.wire.request_id import new_request_id
from agentcore_lab.wire.router import Match, Router
from agentcore_lab.wire.serialize import Reply, serialize, serialize_error
from agentcore_lab.wire.signature_errors import MissingAuthenticationTokenException
from agentcore_lab.wire.validate import validate

MAX_CONTROL_BODY = 2 * 1024 * 1024
"""Bytes. The largest modelled control-plane request (50 environment variables of 5,000 characters) is far below."""

_MOST_BYTES = {"InvokeAgentRuntime": MAX_PAYLOAD_BYTES}
_NAMES = frozenset({"bedrock-agentcore"})
_MODEL_NAMES = frozenset({"bedrock"})
"""What signatures are for: both planes have one name (CONTRACT: section 1)."""


class Streaming(Protocol):
    """Answers one modelled operation whose request or answer is not held as a whole. Raises AwsError."""

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The answer, sent or on its way."""
        ...


class OwnRoutes(Protocol):
    """Answers paths that AWS has not."""

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's."""
        ...


class Front:
    """Routes a request to the operation it names and turns whatever happens into an AWS answer."""

    def __init__(
        self,
        door: Door,
        throttle: Throttle,
        handlers: Mapping[str, Handler],
        streaming: Mapping[str, Streaming],
        by_hand: Routes,
        gate: Gate,
        neighbours: Neighbours,
    ) -> None:
        self._door = door
        self._throttle = throttle
        self._handlers = handlers
        self._streaming = streaming
        self._by_hand = by_hand
        self._gate = gate
        self._neighbours = neighbours
        self._router = Router(load_operations())
        self._model_router = Router(load_model_operations())

    def application(self, *own: OwnRoutes) -> web.Application:
        """An application that serves AWS's API, and before it what is the lab's own."""
        app = web.Application(client_max_size=MAX_CONTROL_BODY)
        for routes in own:
            routes.add_routes(app)
        app.router.add_route("*", "/{path:(?s:.*)}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one AWS request."""
        with letting_go(request):
            return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        request_id = new_request_id()
        # ARNs arrive percent-encoded, slashes included: the path is routed as it came.
        path, _, query = request.raw_path.partition("?")
        to = destination(request.method, path, query, request.headers)
        if to.kind == "neighbour":
            return await self._neighbours.handle(request, to, request_id)
        # First, for a label may hold the slashes of an ARN, and would take what follows the ARN for a part of it.
        by_hand = self._by_hand.match(request.method, path)
        match = None if by_hand else self._match(request.method, path)
        if to.kind == "unoffered" and by_hand is None and match is None:
            return self._neighbours.refuse(request, to.service, request_id)
        operation = match.operation if match else None
        try:
            if by_hand is not None:
                scope = await self._admit_to_runtime(request, by_hand.runtime, 0, public=by_hand.public)
                self._throttle.admit(Kind.DATA, account_of(request, scope))
                return await by_hand.handler.handle(scope, request, by_hand.runtime, request_id)
            if match is None:
                raise UnknownOperationException(
                    f"No operation of bedrock-agentcore has the method and path {request.method} {request.path}"
                )
            scope = await self._admit(request, match)
            if streaming := self._streaming.get(match.operation.name):
                return await streaming.handle(scope, request, match, query, request_id)
            return _respond(await self._answer(scope, request, match, query), request_id)
        except AwsError as error:
            return _respond(serialize_error(operation, error, request_id), request_id)
        except asyncio.CancelledError:
            raise
        except Exception:
            return _respond(serialize_error(operation, internal_error(request_id), request_id), request_id)

    def _match(self, method: str, path: str) -> Match | None:
        return self._router.match(method, path) or self._model_router.match(method, path)

    async def _admit(self, request: web.Request, match: Match) -> Scope:
        """Where the operation is to look, once the request is let in."""
        operation = match.operation
        most = _MOST_BYTES.get(operation.name, MAX_CONTROL_BODY)
        if operation.name in GUARDED:
            return await self._admit_to_runtime(request, match.labels["agentRuntimeArn"], most)
        if operation.service == MODEL:
            return await self._door.admit(request, Wants(_MODEL_NAMES, False, MAX_MODEL_BODY))
        return await self._door.admit(request, Wants(_NAMES, True, most))

    async def _admit_to_runtime(
        self, request: web.Request, runtime: str, most: int, *, public: bool = False
    ) -> Scope:
        """Where the runtime is, in the caller's account or in another; its gate looks at tokens, and asks for them."""
        own = await self._door.admit(request, Wants(_NAMES, True, most, tokens=True, nobody=True))
        account_id, qualifier = request.query.get("accountId"), request.query.get("qualifier")
        scope = scope_named(runtime, account_id, own)
        params = {"agentRuntimeArn": runtime, "accountId": account_id, "qualifier": qualifier}
        if not public and brings_nothing(request) and not self._gate.takes_tokens(scope, params):
            raise MissingAuthenticationTokenException(MISSING)
        return scope

    async def _answer(self, scope: Scope, request: web.Request, match: Match, query: str) -> Reply:
        handler = self._handlers.get(match.operation.name)
        if handler is None:
            raise _not_implemented(match.operation)
        body = await body_of(request).read()
        is_control = match.operation.service == CONTROL
        kind = control_kind(match.operation.name) if is_control else Kind.DATA
        self._throttle.admit(kind, account_of(request, scope))
        params = parse(match, query, request.headers, body)
        validate(match.operation, params)
        await self._gate.require(scope, match.operation.name, params, asker_of(request, scope))
        return serialize(match.operation, await handler(scope, params))


def _not_implemented(operation: Operation) -> NotImplementedException:
    return NotImplementedException(
        f"{operation.name} is an operation of {operation.service} that agentcore-lab does not answer yet."
    )


def _respond(reply: Reply, request_id: str) -> web.Response:
    headers = {**reply.headers, "x-amzn-RequestId": request_id}
    return web.Response(status=reply.status, headers=headers, body=reply.body)
