"""From the engine's port to the services beside AgentCore, and back: bytes as they come, nothing held."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import aiohttp
from aiohttp import web
from yarl import URL

from agentcore_lab.errors import (
    AwsError,
    NotImplementedException,
)
from agentcore_lab.neighbours.catalogue import OFFERED
from agentcore_lab.neighbours.destination import Destination
from agentcore_lab.neighbours.process import LOG, MotoProcess
from agentcore_lab.neighbours.refusal import Refusal, not_offered, refusal
from agentcore_lab.neighbours.unsigned import may_be_unsigned
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.access_keys import AccessKeys
from agentcore_lab.server.answered_here import MAX_BODY, AnsweredHere
from agentcore_lab.server.body import body_of
from agentcore_lab.server.callers import asker_of, brings_nothing
from agentcore_lab.server.door import MISSING, Door, Wants
from agentcore_lab.server.failure import internal_error
from agentcore_lab.wire.signature_errors import (
    Family,
    MissingAuthenticationTokenException,
    SignatureRefused,
    told,
)

log = logging.getLogger(__name__)

_CHUNK_BYTES = 256 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=None)
_MOST_BYTES = 5 * 1024**3
"""Of one PutObject (AWS: Amazon S3 quotas)."""

_FAMILIES: Mapping[str, Family] = {"s3": "s3", "sts": "query", "iam": "query"}
_ACCOUNT = "x-moto-account-id"
_HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", _ACCOUNT}
)
"""Headers of one connection (RFC 9110, 7.6.1), and the one by which moto is told the account."""

_REMADE = _HOP_BY_HOP | {"content-length", "date", "server"}

_PAGES = frozenset({404, 405, 500, 501})
"""With these moto sends a page of HTML where it has no answer."""

_STATUS = {
    "NotImplementedException": 501,
    "InternalServerException": 500,
    "AccessDenied": 403,
    "AccessDeniedException": 403,
}
"""HTTP's, by the error's code; 400 of all others."""

_FORM = "application/x-www-form-urlencoded"
_NOTHING_OF_OURS = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")


class Neighbours:
    """Passes requests on to moto, which is started with the first of them."""

    def __init__(self, process: MotoProcess, door: Door, here: AnsweredHere, keys: AccessKeys) -> None:
        self._process = process
        self._door = door
        self._here = here
        self._keys = keys

    async def handle(self, request: web.Request, to: Destination, request_id: str) -> web.StreamResponse:
        """The service's answer, for the account that signs; a refusal in the service's own form."""
        try:
            scope = await self._admitted(request, to)
            if self._here.may_answer(to.service, request):
                body, caller = await body_of(request).read(), asker_of(request, scope).caller
                answer = await self._here.answer(to.service, request, body, scope, caller, request_id)
                if answer is not None:
                    return answer
            return await self._passed(scope, request, to)
        except SignatureRefused as refused:
            said = told(refused, _FAMILIES.get(to.service, "json"))
            message = said.message or refused.message
            return _respond(refusal(to.service, request.headers, said.code, message, request_id, said.status))
        except AwsError as error:
            return _respond(_failed(to.service, request.headers, error, request_id))
        except Exception:
            return _respond(_failed(to.service, request.headers, internal_error(request_id), request_id))

    def refuse(self, request: web.Request, service: str, request_id: str) -> web.Response:
        """The answer to a request for a service that is not offered."""
        return _respond(not_offered(service, request.headers, request_id))

    async def _admitted(self, request: web.Request, to: Destination) -> Scope:
        most = MAX_BODY if self._here.may_answer(to.service, request) else _MOST_BYTES
        wants = Wants(frozenset({to.service}), False, most, nobody=True, bucket=to.bucket)
        scope = await self._door.admit(request, wants)
        if brings_nothing(request):
            path = f"/{to.bucket}{request.path}" if to.bucket else request.path
            form = await body_of(request).read() if to.service == "sts" else b""
            if not may_be_unsigned(to.service, request.method, path, request.headers, form):
                raise MissingAuthenticationTokenException(MISSING)
        return scope

    async def _passed(self, scope: Scope, request: web.Request, to: Destination) -> web.StreamResponse:
        path = f"/{to.bucket}{request.raw_path}" if to.bucket else request.raw_path
        connector = aiohttp.UnixConnector(await self._process.socket(), force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=False, trust_env=False) as client,
            client.request(
                request.method,
                URL(f"http://moto{path}", encoded=True),
                data=body_of(request).chunks() if request.body_exists else None,
                headers=_headers(request, scope.account_id),
                skip_auto_headers=_NOTHING_OF_OURS,
                allow_redirects=False,
                timeout=_TIMEOUT,
            ) as answer,
        ):
            if answer.status in _PAGES and answer.content_type == "text/html" and answer.content_length:
                raise _unanswered(request, to.service, answer.status)
            if to.service == "iam" and answer.status == 200:
                asked, said = await body_of(request).read(), await answer.read()
                kept = {name: text for name, text in answer.headers.items() if name.lower() not in _REMADE}
                right = self._keys.put_right(asked, said, asker_of(request, scope).caller)
                return web.Response(body=right, headers=kept)
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    await response.write(chunk)
            await response.write_eof()
            return response


def _unanswered(request: web.Request, service: str, status: int) -> AwsError:
    """moto's own error page, made an error: it has no answer to the operation (404, or no code for it), or failed."""
    asked = request.headers.get("X-Amz-Target") or f"{request.method} {request.path}"
    said = "has no answer to" if status == 404 else "failed on, or has no answer to,"
    return NotImplementedException(
        f"moto, which plays {OFFERED[service].title} here, {said} {asked}. {LOG} in the data directory may tell more."
    )


def _headers(request: web.Request, account: str) -> dict[str, str]:
    passed = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
    if request.method == "PUT" and request.content_type == _FORM:
        # curl and urllib call any body that; moto would look for fields in an object.
        passed["Content-Type"] = "binary/octet-stream"
    return {**passed, _ACCOUNT: account}


def _failed(service: str, headers: Mapping[str, str], error: AwsError, request_id: str) -> Refusal:
    return refusal(service, headers, error.code, error.message, request_id, _STATUS.get(error.code, 400))


def _respond(said: Refusal) -> web.Response:
    return web.Response(status=said.status, headers=said.headers, body=said.body)
