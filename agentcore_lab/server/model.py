"""bedrock-runtime over HTTP: its own operations, the model behind them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from agentcore_lab.errors import AwsError
from agentcore_lab.model.base import Event, Invoked, Model
from agentcore_lab.model.choice import Models
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.body import body_of
from agentcore_lab.server.failure import internal_error
from agentcore_lab.wire.eventstream import CONTENT_TYPE, EventStream
from agentcore_lab.wire.models import Operation
from agentcore_lab.wire.parse import parse
from agentcore_lab.wire.router import Match
from agentcore_lab.wire.serialize import response_headers, serialize
from agentcore_lab.wire.validate import validate

log = logging.getLogger(__name__)

MAX_BODY = 25_000_000
"""Bytes (AWS: InvokeModel, body)."""

OPERATIONS = frozenset(
    {"Converse", "ConverseStream", "CountTokens", "InvokeModel", "InvokeModelWithResponseStream"}
)
"""Those of bedrock-runtime that are answered."""


class ModelHandler:
    """Answers the inference operations with the caller's model."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def table(self) -> Mapping[str, ModelHandler]:
        """This handler by the names of the operations it answers."""
        return dict.fromkeys(OPERATIONS, self)

    async def handle(
        self, scope: Scope, request: web.Request, match: Match, query: str, request_id: str
    ) -> web.StreamResponse:
        """The answer, streamed where the operation streams. Raises AwsError before its first byte."""
        try:
            params = await _params(request, match, query)
            model = self._models(scope.account_id)
            if match.operation.event_stream_output:
                return await _stream(model, request, match.operation, params, request_id)
            answer = await _answer(model, match.operation.name, params)
            reply = serialize(match.operation, answer.result)
        except AwsError as error:
            raise _as_modelled(match.operation, error) from error
        headers = {**reply.headers, **answer.headers, "x-amzn-RequestId": request_id}
        return web.Response(status=reply.status, headers=headers, body=reply.body)


async def _answer(model: Model, operation: str, params: dict[str, Any]) -> Invoked:
    match operation:
        case "Converse":
            return Invoked(await model.converse(params), {})
        case "InvokeModel":
            return await model.invoke(params)
        case _:
            return Invoked(await model.count_tokens(params), {})


async def _stream(
    model: Model, request: web.Request, operation: Operation, params: dict[str, Any], request_id: str
) -> web.StreamResponse:
    """The first event is awaited before the head is sent: until then a failure has its own status."""
    stream = EventStream(operation)
    converses = operation.name == "ConverseStream"
    events: Any = model.converse_stream(params) if converses else model.invoke_stream(params)
    async with aclosing(events):
        first = await anext(events)
        members = {} if converses else {"contentType": "application/json"}
        response = web.StreamResponse(
            status=operation.success_status,
            headers={
                **response_headers(operation, members),
                "Content-Type": CONTENT_TYPE,
                "x-amzn-RequestId": request_id,
            },
        )
        await response.prepare(request)
        await _send(first, events, response, stream, request_id)
    return response


async def _send(
    first: Event,
    rest: AsyncIterator[Event],
    response: web.StreamResponse,
    stream: EventStream,
    request_id: str,
) -> None:
    try:
        await response.write(stream.event(*first))
        async for event in rest:
            await response.write(stream.event(*event))
    except ConnectionError:
        pass  # the caller has left
    except AwsError as error:
        log.warning("answer %s broke off: %s", request_id, error.message)
        await response.write(stream.exception(error))
    except Exception:
        await response.write(stream.exception(internal_error(request_id)))


async def _params(request: web.Request, match: Match, query: str) -> dict[str, Any]:
    body = await body_of(request).read()
    params = parse(match, query, request.headers, body)
    validate(match.operation, params)
    return params


def _as_modelled(operation: Operation, error: AwsError) -> AwsError:
    """The error with those members alone that bedrock-runtime has for it: AgentCore's have more."""
    shape = operation.errors.get(error.code)
    if shape is not None:
        error.members = {name: value for name, value in error.members.items() if name in shape.members}
    return error
