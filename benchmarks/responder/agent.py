"""The cheapest agent there can be: Python's own sockets and no framework, so that what lies before it shows.

POST /invocations answers by what the caller accepts: ``text/event-stream`` EVENTS small events, each sent by itself,
``application/octet-stream`` LARGE bytes, and anything else a few bytes of JSON once the request's body has come.
"""

from __future__ import annotations

import asyncio

EVENTS = 200
LARGE = 100_000_000
_PIECE = bytes(256 * 1024)


class Responder(asyncio.Protocol):
    """One connection, one request after the other; bodies are counted and dropped."""

    def __init__(self) -> None:
        self._head = b""
        self._accept = b""
        self._left = 0
        self._got = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop an answer nobody reads any more."""
        if self._answering is not None:
            self._answering.cancel()

    def pause_writing(self) -> None:
        """The caller does not read as fast as this writes."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has read again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Part of a head, of a body, or of both."""
        if not self._left:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data, self._head = self._head[:end], self._head[end + 4 :], b""
            fields = dict(_field(line) for line in head.split(b"\r\n")[1:])
            self._accept, self._got = fields.get(b"accept", b""), 0
            self._left = int(fields.get(b"content-length", b"0"))
            if head.startswith(b"GET /ping "):
                self._whole(b'{"status": "Healthy"}')
                return
        self._left -= len(data)
        self._got += len(data)
        if not self._left:
            self._answer()

    def _answer(self) -> None:
        if self._accept == b"text/event-stream":
            self._answering = asyncio.create_task(self._events())
        elif self._accept == b"application/octet-stream":
            self._answering = asyncio.create_task(self._large())
        else:
            self._whole(b'{"bytes": %d}' % self._got)

    def _whole(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)

    async def _events(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._transport.write(head)
        for number in range(EVENTS):
            event = b'data: {"event": %d}\n\n' % number
            self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.sleep(0)
            await self._writable.wait()
        self._transport.write(b"0\r\n\r\n")

    async def _large(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % LARGE)
        for at in range(0, LARGE, len(_PIECE)):
            self._transport.write(_PIECE[: LARGE - at])
            await self._writable.wait()


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


async def main() -> None:
    """Serve until the sandbox is ended."""
    server = await asyncio.get_running_loop().create_server(Responder, "0.0.0.0", 8080)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
