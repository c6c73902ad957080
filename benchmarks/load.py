"""A load generator that costs little: it sends bytes made beforehand and looks only for where an answer ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

_PATIENCE = 120.0
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and what has to be in them to get there."""

    host: str
    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked over and over: ``accept`` says what for, ``connections`` ask at the same time.

    It goes on for ``seconds`` and for one request a connection at least. ``answer_bytes`` is the least an answer may
    have for it to be the right one.
    """

    name: str
    accept: str
    body: bytes
    connections: int
    seconds: float
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Times in seconds; ``cpu`` is what the load generator itself took of the processor."""

    requests: int
    elapsed: float
    latencies: tuple[float, ...]
    first_bytes: tuple[float, ...]
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.elapsed


class UnexpectedAnswer(Exception):  # noqa: N818 - a state, named as one
    """What came back is no success, or not what was asked for."""


class _Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._done: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(UnexpectedAnswer(f"the connection was closed ({exc})"))

    async def ask(self, request: bytes, body: bytes) -> tuple[float, float, int]:
        """Seconds to the first byte of the body and to its end, and how many bytes it had."""
        self._done = asyncio.get_running_loop().create_future()
        self._head = b""
        self._left: int | None = None
        self._chunked = False
        self._first = 0.0
        self._got = 0
        self._tail = b""
        began = time.perf_counter()
        self.transport.write(request + body[:_PIECE])
        for at in range(_PIECE, len(body), _PIECE):
            await self._writable.wait()
            self.transport.write(body[at : at + _PIECE])
        await self._done
        return self._first - began, time.perf_counter() - began, self._got

    def data_received(self, data: bytes) -> None:
        if not self._first:
            self._head += data
            at = self._head.find(b"\r\n\r\n")
            if at < 0:
                return
            head, data = self._head[:at].lower(), self._head[at + 4 :]
            if not head.startswith(b"http/1.1 200"):
                self._fail(f"{head[:300]!r} {data[:500]!r}")
                return
            if self._left is None and not self._chunked:
                self._chunked = b"transfer-encoding: chunked" in head
                if not self._chunked:
                    self._left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if not data:
                return
            self._first = time.perf_counter()
        self._got += len(data)
        self._tail = (self._tail + data[-5:])[-5:]
        # No body that is asked for holds this, so that it can only be the last chunk.
        ended = self._tail == b"0\r\n\r\n" if self._chunked else self._got == self._left
        if ended and self._done is not None:
            self._done.set_result(None)

    def _fail(self, why: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(UnexpectedAnswer(why))


async def measure(target: Target, workload: Workload) -> Measured:
    """Ask until the workload's time is over. Raises UnexpectedAnswer."""
    head = [f"POST {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
    head += ["Content-Type: application/json", f"Accept: {workload.accept}"]
    head += [
        f"Content-Length: {len(workload.body)}",
        *(f"{name}: {value}" for name, value in target.headers.items()),
    ]
    request = "\r\n".join([*head, "", ""]).encode()
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(_Connection, target.host, target.port))[1]
        for _ in range(workload.connections)
    ]
    times: list[tuple[float, float]] = []
    cpu, began = time.process_time(), time.perf_counter()
    ends = began + workload.seconds

    async def keep_asking(connection: _Connection) -> None:
        while True:
            first, whole, got = await connection.ask(request, workload.body)
            if got < workload.answer_bytes:
                raise UnexpectedAnswer(f"{got} bytes where {workload.answer_bytes} were expected")
            times.append((first, whole))
            if time.perf_counter() >= ends:
                return

    try:
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*map(keep_asking, connections))
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    finally:
        for connection in connections:
            connection.transport.abort()
        await asyncio.sleep(0)  # that is when they are closed
    firsts, wholes = zip(*times, strict=True)
    return Measured(len(times), elapsed, tuple(wholes), tuple(firsts), cpu)
