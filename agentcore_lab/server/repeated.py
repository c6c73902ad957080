"""WebSocket handshakes that say things twice, as the SDK's helpers make them with Python's ``websockets``.

``connect(url, additional_headers=headers)`` with the headers of ``generate_ws_connection`` or ``connect_shell`` sends
Host, Upgrade, Connection and the WebSocket's key and version a second time. The SDK's ``open_shell`` itself does so,
and AWS must take it. aiohttp refuses a second Host before any handler could see it: the head is put right on its way.
"""

from __future__ import annotations

import asyncio

_ONCE = frozenset(
    {b"host", b"user-agent", b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version"}
)
_END = b"\r\n\r\n"
_LONGEST_HEAD = 64 * 1024


def said_once(data: bytes) -> bytes:
    """What a client sent first, without the repetitions if it is a WebSocket's handshake; the first of each counts.

    Two hosts that differ are left as they are: which of them is meant nobody can tell.
    """
    head, end, rest = data.partition(_END)
    first, *lines = head.split(b"\r\n")
    fields = [(line.partition(b":")[0].strip().lower(), line) for line in lines]
    hosts = {line.partition(b":")[2].strip().lower() for name, line in fields if name == b"host"}
    if not end or len(hosts) > 1 or not _asks_for_websocket(lines):
        return data
    kept, seen = [first], set()
    for name, line in fields:
        if name not in _ONCE or name not in seen:
            kept.append(line)
        seen.add(name)
    return b"\r\n".join(kept) + end + rest


def _asks_for_websocket(lines: list[bytes]) -> bool:
    return any(line.lower().replace(b" ", b"") == b"upgrade:websocket" for line in lines)


class FirstHead(asyncio.Protocol):
    """Stands before ``server`` until a connection's first head is there, hands it over put right, and steps aside."""

    def __init__(self, server: asyncio.Protocol) -> None:
        self._server = server
        self._transport: asyncio.BaseTransport | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the server have the connection; what comes of it comes here first."""
        self._transport = transport
        self._server.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Keep what may be the beginning of a handshake until it is whole."""
        self._data += data
        begun = self._data[:4] == b"GET "[: len(self._data)]
        if not begun or _END in self._data or len(self._data) > _LONGEST_HEAD:
            self._step_aside()

    def eof_received(self) -> bool | None:
        """Let the server know, with what there is."""
        self._step_aside()
        return self._server.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the server know."""
        self._server.connection_lost(exc)

    def pause_writing(self) -> None:
        """Let the server know."""
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Let the server know."""
        self._server.resume_writing()

    def _step_aside(self) -> None:
        assert self._transport is not None, "data comes over a connection"
        self._transport.set_protocol(self._server)
        if self._data:
            self._server.data_received(said_once(self._data))
