"""A connection that was HTTP until its 101: taken over from aiohttp as plain bytes both ways.

aiohttp's own WebSocket joins fragments, answers pings itself and negotiates compression. A bridge must do none of it:
what one side sends is what the other gets.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter

_BUFFER_BYTES = 64 * 1024
"""What is read ahead; twice of it stops the reading until someone takes it."""

_LAST_BYTES_SECONDS = 5
"""How long a peer may take to fetch what was sent before the end."""


class Upgraded:
    """Bytes from and to one peer. What is written waits while the peer does not read, and so does what is read."""

    def __init__(self, protocol: Any) -> None:
        self.reader = asyncio.StreamReader(_BUFFER_BYTES)
        self._transport: asyncio.Transport | None = protocol.transport
        self._writer = StreamWriter(protocol, asyncio.get_running_loop())
        if self._transport is None:
            self.reader.feed_eof()
        else:
            self.reader.set_transport(self._transport)

    @classmethod
    def of_request(cls, request: web.Request) -> Upgraded:
        """The caller's connection, whose request has been answered with 101."""
        upgraded = cls(request.protocol)
        if upgraded._transport is not None:
            parser: Any = upgraded
            request.protocol.set_parser(parser)
        return upgraded

    @classmethod
    def of_response(cls, response: aiohttp.ClientResponse) -> Upgraded:
        """The connection to a server that has answered with 101."""
        connection = response.connection
        assert connection is not None, "a connection that was upgraded is not given back"
        protocol: Any = connection.protocol
        upgraded = cls(protocol)
        if upgraded._transport is not None:
            protocol.set_parser(upgraded, upgraded.reader)
        return upgraded

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """What aiohttp's protocol calls with what it received: nothing is left over, and nothing is wrong."""
        self.reader.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """What aiohttp's protocol calls when the connection is lost."""
        self.reader.feed_eof()

    async def write(self, data: bytes) -> None:
        """Send ``data``, and wait while the peer is behind. Raises ConnectionError."""
        await self._writer.write(data, drain=False)
        await self._writer.drain()

    def push(self, data: bytes) -> None:
        """Send a few last bytes without waiting; nothing happens if the connection is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close once what was sent is out, or the peer has had time enough to fetch it."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_LAST_BYTES_SECONDS, self._transport.abort)
