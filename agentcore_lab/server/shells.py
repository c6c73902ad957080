"""``/ws/shells``: a WebSocket between a client's terminal and a shell beside the agent (CONTRACT: section 13.6)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.headers import SESSION_ID
from agentcore_lab.runtime.limits import SHELL_CONNECTION_SECONDS, SHELL_FRAME_BYTES
from agentcore_lab.runtime.shell import Replaced, Shell
from agentcore_lab.runtime.shells import Attached, Shells
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.commands import Size
from agentcore_lab.server import tracing
from agentcore_lab.server.callers import asker_of
from agentcore_lab.server.failure import internal_error
from agentcore_lab.wire.header_text import readable
from agentcore_lab.wire.shell_frames import Channel, confirmed, exited, failed, frame, size_in

_OPERATION = "InvokeAgentRuntimeCommandShell"
"""The action that policies name (AWS: runtime-get-started-command-shell)."""

SHELL_ID = "X-Amzn-Bedrock-AgentCore-Shell-Id"
REPLACED = 4000
"""The close code for a client whose shell another one has taken over."""

_BEARER_PROTOCOL = "base64UrlBearerAuthorization"
"""What a browser's client, which can set no headers, asks for beside its token."""

_HEARTBEAT_SECONDS = 30.0
"""Between pings, so that a client that vanished does not keep its session."""


class ShellHandler:
    """Connects one client with one shell."""

    def __init__(self, shells: Shells, gate: Gate, clock: Clock) -> None:
        self._shells = shells
        self._gate = gate
        self._clock = clock
        self._closing = asyncio.Event()

    async def close(self, _app: web.Application) -> None:
        """Close every connection, so that the engine can end."""
        self._closing.set()

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The connection, at its end. Raises AwsError before the upgrade."""
        socket = web.WebSocketResponse(
            protocols=(_BEARER_PROTOCOL,),
            heartbeat=_HEARTBEAT_SECONDS,
            max_msg_size=SHELL_FRAME_BYTES + 1,  # the first size that is refused
            compress=False,
        )
        if not socket.can_prepare(request):
            raise ValidationException("Shells are opened by a WebSocket upgrade", reason="CannotParse")
        params = _params(request, runtime)
        tracing.parsed(params)
        await self._gate.require(scope, _OPERATION, params, asker_of(request, scope))
        tracing.authorized()
        async with self._shells.attach(scope, params) as attached:
            socket.headers[SESSION_ID] = attached.session.session_id
            socket.headers[SHELL_ID] = attached.shell.id
            socket.headers["x-amzn-RequestId"] = request_id
            tracing.leased(attached.session)
            tracing.answered(stays_open=True)
            await socket.prepare(request)
            try:
                await self._connect(socket, attached)
            except ConnectionError:
                pass  # the client has left
            except Exception:
                # The upgrade has been answered: only a close code can tell.
                internal_error(request_id)
                await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        return socket

    async def _connect(self, socket: web.WebSocketResponse, attached: Attached) -> None:
        """Carry frames both ways until either side, or the hour, ends it."""
        now = self._clock.now()
        sending = asyncio.ensure_future(_send(socket, attached))
        receiving = asyncio.ensure_future(_receive(socket, attached.shell))
        hour = asyncio.ensure_future(
            self._clock.sleep_until(now + timedelta(seconds=SHELL_CONNECTION_SECONDS))
        )
        closing = asyncio.ensure_future(self._closing.wait())
        tasks: set[asyncio.Future[Any]] = {sending, receiving, hour, closing}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await self._ended(socket, attached, sending)
            elif receiving.done():
                await socket.close(code=receiving.result())
            else:
                # The SDK's client comes back by itself after this code: after an hour the shell is still there.
                why = b"a connection lasts an hour" if hour.done() else b"the engine ends"
                await socket.close(code=WSCloseCode.GOING_AWAY, message=why)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ended(
        self, socket: web.WebSocketResponse, attached: Attached, sending: asyncio.Future[None]
    ) -> None:
        """Tell the client why there is no more output."""
        try:
            sending.result()
        except Replaced:
            await socket.close(code=REPLACED, message=b"replaced by another client")
            return
        end = attached.shell.end
        assert end is not None
        if not self._shells.alive(attached.session):
            await socket.send_bytes(frame(Channel.CLOSE))
        elif end.exit_code is not None:
            await socket.send_bytes(exited(end.exit_code))
        elif end.why:
            await socket.send_bytes(failed(end.why))
        await socket.close()


def _params(request: web.Request, runtime: str) -> dict[str, str]:
    """What the URL and the headers say; a presigned URL has the session id in its query."""
    query = {name: request.query.get(name, "") for name in ("qualifier", "accountId", "shellId")}
    session_id = readable(request.headers.get(SESSION_ID, "")) or request.query.get(SESSION_ID, "")
    given = {"agentRuntimeArn": runtime, **query, "runtimeSessionId": session_id}
    return {name: value for name, value in given.items() if value}


async def _send(socket: web.WebSocketResponse, attached: Attached) -> None:
    """What the shell has shown and shows."""
    await socket.send_bytes(confirmed(attached.shell.id, reconnected=attached.found))
    async with aclosing(attached.shell.output(attached.client, SHELL_FRAME_BYTES - 1)) as output:
        async for data in output:
            await socket.send_bytes(frame(Channel.STDOUT, data))


async def _receive(socket: web.WebSocketResponse, shell: Shell) -> int:
    """What the client sends; the code to close with once it has had enough."""
    async for message in socket:
        if message.type is not WSMsgType.BINARY:
            return WSCloseCode.UNSUPPORTED_DATA
        if message.data[:1] == frame(Channel.CLOSE):
            await shell.close()
            break
        await _take(socket, shell, message.data)
    return WSCloseCode.OK


async def _take(socket: web.WebSocketResponse, shell: Shell, data: bytes) -> None:
    """One frame; those of channels nobody knows yet are passed over."""
    match data[:1], data[1:]:
        case b"\x00", typed:
            await shell.type(typed)
        case b"\x04", size:
            try:
                await shell.resize(Size(*size_in(size)))
            except (ValueError, SandboxError) as error:
                said = f"The terminal was not resized: {error}\r\n"
                await socket.send_bytes(frame(Channel.STDERR, said.encode()))
        case b"\x05", _:
            await socket.send_bytes(frame(Channel.HEARTBEAT))
