"""The door of the lab's own API: who asks, answered for his account alone, or in AWS's form why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from agentcore_lab.errors import AccessDeniedException, AwsError, ValidationException
from agentcore_lab.json_text import read_json
from agentcore_lab.own_api import SERVICE
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.body import body_of, letting_go
from agentcore_lab.server.door import Door, Wants
from agentcore_lab.server.origin import is_foreign
from agentcore_lab.wire.request_id import new_request_id
from agentcore_lab.wire.serialize import serialize_error
from agentcore_lab.wire.signature_errors import MissingAuthenticationTokenException

Answering = Callable[[web.Request, Scope], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WANTS = Wants(frozenset({SERVICE}), regional=True, most=2 * 1024 * 1024)


class LabDoor:
    """Lets in who signs as for AWS's routes, with his account's credentials. ``owner`` is the engine's own account."""

    def __init__(self, door: Door, owner: str) -> None:
        self._door = door
        self._owner = owner

    def asks(self, answering: Answering) -> Handler:
        """A route for every account, each of which is answered for itself."""

        async def handler(request: web.Request) -> web.StreamResponse:
            with letting_go(request):
                return await self._answer(request, answering)

        return handler

    def asks_owner(self, answering: Answering, what: str) -> Handler:
        """A route for the engine's own account alone; ``what`` it does concerns all accounts."""

        async def owners(request: web.Request, scope: Scope) -> web.StreamResponse:
            if scope.account_id != self._owner:
                raise AccessDeniedException(
                    f"All accounts of this engine share {what}: its default account alone may do this."
                )
            return await answering(request, scope)

        return self.asks(owners)

    def lasts(self, request: web.Request) -> bool:
        """Whether who was let in would be again: credentials end, and are taken back."""
        return self._door.lasts(request)

    async def _answer(self, request: web.Request, answering: Answering) -> web.StreamResponse:
        request_id = new_request_id()
        try:
            if is_foreign(request):
                raise AccessDeniedException("A web page of another origin may not use the lab's own API.")
            return await answering(request, await self._door.admit(request, _WANTS))
        except MissingAuthenticationTokenException:
            return _refusal(MissingAuthenticationTokenException(_unsigned(request)), request_id)
        except AwsError as error:
            return _refusal(error, request_id)


async def json_of(request: web.Request) -> Any:
    """What the body says. Raises ValidationException: nothing, in JSON."""
    try:
        return read_json(await body_of(request).read())
    except ValueError as error:
        raise ValidationException(f"The body is no JSON: {error}.", reason="CannotParse") from None


def _refusal(error: AwsError, request_id: str) -> web.Response:
    reply = serialize_error(None, error, request_id)
    return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


def _unsigned(request: web.Request) -> str:
    return (
        f"Missing Authentication Token. {request.path} answers each account for itself: sign with its credentials for "
        f"the service {SERVICE}, as `curl --aws-sigv4 aws:amz:REGION:{SERVICE} --user KEY:SECRET` does."
    )
