"""Connections of clients: a request's head has to come in time, and what is no request is refused in AWS's form.

aiohttp gives a head as long as an idle connection may stay open, and answers one that it cannot read with the bytes
that it could not read, in its log too: of a token that is too long, a part of the token.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from agentcore_lab.wire.request_id import new_request_id

log = logging.getLogger(__name__)

HEAD_SECONDS = 60.0
"""From a connection's beginning, or the first byte of a later request, to the end of the head (chosen here)."""

MOST_HEADER_BYTES = 48 * 1024
"""Of one header: a bearer token with a user's many groups has more than the 8 KiB that servers usually take."""

_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PARTING_SECONDS = 5.0
_MOST_PARTING_BYTES = 16 * 1024 * 1024
_TOO_LONG = (
    f"A header of the request is longer than {MOST_HEADER_BYTES} bytes, or its first line than 8190. "
    "What it holds was not looked at."
)
_NO_REQUEST = "This is no request that can be read as HTTP/1.1."


class Connection(RequestHandler):
    """One client's connection. ``head_seconds``: how long a head may take to come."""

    __slots__ = ("_begun", "_busy", "_gone", "_head_seconds", "_parting", "_timer")

    def __init__(self, manager: web.Server, *, head_seconds: float, **how: Any) -> None:
        super().__init__(manager, **how)
        self._head_seconds = head_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False
        self._busy = False
        self._parting = 0
        self._gone: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Who says nothing at all has no longer than who says it slowly."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Bytes of a head begin its time, bytes of a body take none; what follows a refusal is let go."""
        if self._gone is not None:
            self._let_go(len(data))
            return
        self._begun = True
        if not self._busy:
            self._wait_for_head()
        super().data_received(data)

    def head_came(self) -> None:
        """A whole head is there, or what can never become one."""
        self._busy = True
        self._stop_waiting()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send what is left of the answer; from then on bytes may be the next head's."""
        finished = await super().finish_response(request, resp, start_time)
        if self._gone is not None:
            await self._part(self._gone)
        self._busy = self._begun = False
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, in AWS's form and without a word of what was sent."""
        if status != 400 or exc is None:
            return super().handle_error(request, status, exc, message)
        log.debug("a request could not be read: %s", type(exc).__name__)
        self._gone = asyncio.get_running_loop().create_future()
        refusal = web.Response(
            status=400,
            body=json.dumps({"message": _TOO_LONG if isinstance(exc, LineTooLong) else _NO_REQUEST}),
            content_type="application/json",
            headers={"x-amzn-ErrorType": "ValidationException", "x-amzn-RequestId": new_request_id()},
        )
        refusal.force_close()
        return refusal

    def eof_received(self) -> None:
        """The client has said everything."""
        super().eof_received()
        self._part_now()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget what was waited for."""
        self._stop_waiting()
        self._part_now()
        super().connection_lost(exc)

    async def _part(self, gone: asyncio.Future[None]) -> None:
        """Take what the client is still sending: were it left unread, the connection's reset would eat the answer."""
        if isinstance(self.transport, asyncio.WriteTransport) and self.transport.can_write_eof():
            with suppress(OSError):
                self.transport.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PARTING_SECONDS):
                await gone

    def _let_go(self, length: int) -> None:
        self._parting += length
        if self._parting > _MOST_PARTING_BYTES:
            self._part_now()

    def _part_now(self) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _wait_for_head(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._head_seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        transport = self.transport
        if self._busy or transport is None:
            return
        if self._begun and isinstance(transport, asyncio.WriteTransport):
            transport.write(_LATE)
        self.force_close()


class Connections(web.Server):
    """What makes connections of an application's ``server``."""

    def __init__(self, server: web.Server, head_seconds: float, **how: Any) -> None:
        made = server.request_factory

        def told(message: Any, payload: Any, protocol: Any, *more: Any) -> web.BaseRequest:
            protocol.head_came()
            return made(message, payload, protocol, *more)

        super().__init__(
            server.request_handler,
            request_factory=told,
            handler_cancellation=server.handler_cancellation,
            **how,
        )
        self._head_seconds = head_seconds
        self._how = how

    def __call__(self) -> RequestHandler:
        """A connection that a transport can be given."""
        return Connection(self, head_seconds=self._head_seconds, loop=asyncio.get_running_loop(), **self._how)


class Runner(web.AppRunner):
    """Serves an application to such connections; running requests have ``drain`` seconds to end with it."""

    def __init__(
        self, application: web.Application, drain: float, *, head_seconds: float = HEAD_SECONDS
    ) -> None:
        super().__init__(application, handler_cancellation=True, shutdown_timeout=drain)
        self._head_seconds = head_seconds

    async def _make_server(self) -> web.Server:
        return Connections(
            await super()._make_server(),
            self._head_seconds,
            access_log=None,
            max_field_size=MOST_HEADER_BYTES,
        )
