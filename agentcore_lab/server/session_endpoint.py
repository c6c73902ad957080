"""Session endpoints: whatever serves an allowed port of a session, reached as it is (CONTRACT: section 13.7)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict
from yarl import URL

from agentcore_lab.errors import AwsError, UnauthorizedException
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.session_endpoint import Target, target_of
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.sandbox.base import Backend, SandboxError
from agentcore_lab.server.body import body_of, letting_go, take_body
from agentcore_lab.server.bridge import Limits
from agentcore_lab.server.endpoint_guard import MAX_BODY, EndpointGuard
from agentcore_lab.server.session_sockets import SessionSockets
from agentcore_lab.server.subprotocols import HEADER, offered
from agentcore_lab.wire.request_id import new_request_id

log = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CREDENTIALS = frozenset(
    {
        "authorization",
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_LIMITS = Limits(frame_bytes=16 * 1024 * 1024, frames_per_second=None, open_for=timedelta(days=365))
"""AWS names none for session endpoints: this one bounds what the engine holds of one frame."""

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)
_NOTHING_OF_OURS = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")
_ADDRESSES = 1000


class _Refused(Exception):  # noqa: N818 - an answer, named as one
    """An answer of the endpoint itself: a status, and an error code that goes into a header."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class SessionEndpoints:
    """The proxy of all sessions' endpoints."""

    def __init__(
        self,
        guard: EndpointGuard,
        sessions: Sessions,
        backend: Backend,
        client: aiohttp.ClientSession,
        sockets: SessionSockets,
    ) -> None:
        self._guard = guard
        self._sessions = sessions
        self._backend = backend
        self._client = client
        self._sockets = sockets
        self._addresses: dict[tuple[str, int], str] = {}

    def middleware(self) -> Middleware:
        """Takes what is for a session endpoint out of all requests, before any other route of the engine has it."""

        @web.middleware
        async def to_sessions(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            target = target_of(request.headers.get("Host", ""), request.raw_path)
            if target is None:
                return await handler(request)
            with letting_go(request):
                return await self._answer(request, target)

        return to_sessions

    async def _answer(self, request: web.Request, target: Target) -> web.StreamResponse:
        """What the server at the port answers, or the endpoint itself: with an empty body and a code in a header."""
        try:
            session = await self._admitted(request, target)
            with self._sessions.visit(session):
                answer = await self._ask(request, target, session)
                if answer.status != 101:
                    return await self._relay(request, answer)
            response = web.StreamResponse(status=101, headers=_switching(request, answer))
            await self._sockets.bridge(request, response, answer, session, _LIMITS)
        except _Refused as refusal:
            headers = {"x-amzn-ErrorType": refusal.code, "x-amzn-RequestId": new_request_id()}
            return web.Response(status=refusal.status, headers=headers)
        return response

    async def _admitted(self, request: web.Request, target: Target) -> Session:
        session = self._sessions.with_token(target.token)
        if target.browser:
            take_body(request, MAX_BODY)
        elif _is_page(request):
            raise _Refused(401, "AuthenticationRequired")
        else:
            try:
                await self._guard.require(request, session)
            except UnauthorizedException as error:
                raise _Refused(401, "AuthenticationRequired") from error
            except AwsError as error:
                raise _Refused(403, error.code.removesuffix("Exception")) from error
        if session is None:
            raise _Refused(404, "ResourceNotFound")
        if not any(target.port in span for span in session.ports):
            raise _Refused(403, "AccessDenied")
        return session

    async def _ask(self, request: web.Request, target: Target, session: Session) -> aiohttp.ClientResponse:
        base = await self._address(session, target.port)
        try:
            return await self._client.request(
                request.method,
                URL(base + _without_credentials(target.path), encoded=True),
                headers=_to_server(request),
                data=body_of(request).chunks() if request.body_exists else None,
                skip_auto_headers=_NOTHING_OF_OURS,
                allow_redirects=False,
                timeout=_TIMEOUT,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            self._addresses.pop((session.incarnation, target.port), None)
            log.info("port %d of session %s does not answer: %r", target.port, session.session_id, error)
            raise _Refused(502, "BadGateway") from error

    async def _address(self, session: Session, port: int) -> str:
        """Where a port is; kept, for a page has many files, and each would be a question to the container engine."""
        key = (session.incarnation, port)
        if key not in self._addresses:
            try:
                found = await self._backend.address(session.incarnation, port)
            except SandboxError:
                found = None
            if found is None:
                raise _Refused(502, "BadGateway")
            if len(self._addresses) >= _ADDRESSES:
                self._addresses.clear()
            self._addresses[key] = found
        return self._addresses[key]

    async def _relay(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        async with answer:
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers)
            )
            await response.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            except aiohttp.ClientError as error:
                # The status line is gone already: only a broken connection can tell that this is not the end.
                log.info("an answer of a session endpoint broke off: %r", error)
                if request.transport is not None:
                    request.transport.abort()
            return response


def _is_page(request: web.Request) -> bool:
    """Whether a browser would show the answer as a page, which then had the engine's own origin."""
    return request.headers.get("Sec-Fetch-Dest", "empty") not in {"empty", "websocket"}


def _to_server(request: web.Request) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers)
    for name in _CREDENTIALS & {name.lower() for name in headers}:
        del headers[name]
    headers.popall(HEADER, None)
    if request.headers.get("Upgrade", "").lower() == "websocket":
        headers["Connection"], headers["Upgrade"] = "Upgrade", "websocket"
        if others := offered(request.headers).others:
            headers[HEADER] = ", ".join(others)
    return headers


def _switching(request: web.Request, answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    headers = _end_to_end(answer.headers)
    headers["Connection"], headers["Upgrade"] = "Upgrade", "websocket"
    if chosen := offered(request.headers).chosen(answer.headers.get(HEADER)):
        headers[HEADER] = chosen
    return headers


def _end_to_end(headers: aiohttp.typedefs.LooseHeaders) -> CIMultiDict[str]:
    """The headers without those of one connection alone (RFC 9110, section 7.6.1)."""
    passed = CIMultiDict(headers)
    named = {name.strip().lower() for name in passed.get("Connection", "").split(",")}
    for name in (_HOP_BY_HOP | named) & {name.lower() for name in passed}:
        del passed[name]
    return passed


def _without_credentials(path: str) -> str:
    """Path and query without what a presigned URL adds to them; everything else as it came."""
    path, mark, query = path.partition("?")
    kept = [part for part in query.split("&") if part.partition("=")[0].lower() not in _CREDENTIALS]
    return f"{path}{mark}{'&'.join(kept)}" if kept else path
