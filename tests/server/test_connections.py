"""Connections by themselves: heads that take their time, and what cannot be read as a request."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from aiohttp import web

from agentcore_lab.server.connections import MOST_HEADER_BYTES, Runner

PATIENCE = 60
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
CANARY = b"canary-of-a-token"


@dataclass(frozen=True)
class Client:
    """One connection to a server that answers with what it was sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        async with asyncio.timeout(PATIENCE):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            fields = [line.partition(": ") for line in lines if line]
            headers = {name.lower(): value for name, _, value in fields}
            return (
                int(first.split()[1]),
                headers,
                await self.reader.readexactly(int(headers["content-length"])),
            )

    async def rest(self) -> bytes:
        """All that comes until the server hangs up."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()


@asynccontextmanager
async def serving(head_seconds: float) -> AsyncIterator[Client]:
    """A server, and a client that is connected to it."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    application = web.Application()
    application.router.add_route("*", "/", echo)
    runner = Runner(application, 1, head_seconds=head_seconds)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await runner.cleanup()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Say a little more of a head for as long as the server listens."""
    with suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


async def test_who_says_nothing_is_hung_up_on() -> None:
    """An open connection is no right to stay."""
    async with serving(0.1) as client:
        assert await client.rest() == b""


async def test_a_head_that_drips_is_told_that_it_is_late() -> None:
    """However often another byte comes: the time is the whole head's."""
    async with serving(0.3) as client:
        client.writer.write(GET)
        dripping = asyncio.create_task(drip(client.writer))
        status, _, _ = await client.answer()
        dripping.cancel()
    assert status == 408


async def test_later_heads_have_the_same_time() -> None:
    """A connection on which something was answered already is not open to dripping either."""
    async with serving(1) as client:
        client.writer.write(GET + b"\r\n")
        assert (await client.answer())[0] == 200
        client.writer.write(GET)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_bodies_and_pauses_have_other_limits() -> None:
    """A body may take longer than a head, and a connection may be idle for longer between two requests."""
    async with serving(1) as client:
        client.writer.write(POST + b"half")
        await asyncio.sleep(1.2)
        client.writer.write(b" body!")
        assert (await client.answer())[2] == b"half body!"
        await asyncio.sleep(1.2)
        client.writer.write(POST + b"0123456789")
        assert (await client.answer())[2] == b"0123456789"


@pytest.mark.parametrize("length", [MOST_HEADER_BYTES + 1, 1_000_000], ids=["a byte too long", "a megabyte"])
async def test_a_header_that_is_too_long(length: int, caplog: pytest.LogCaptureFixture) -> None:
    """All of it is taken, so that the refusal arrives; it has AWS's form, and neither it nor a log has a byte of it."""
    async with serving(PATIENCE) as client:
        client.writer.write(GET + b"Authorization: Bearer " + CANARY.ljust(length, b"A") + b"\r\n\r\n")
        status, headers, body = await client.answer()
    assert status == 400
    assert headers["x-amzn-errortype"] == "ValidationException"
    assert len(headers["x-amzn-requestid"]) == 36
    assert "longer than 49152 bytes" in json.loads(body)["message"]
    assert CANARY not in body + caplog.text.encode()


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", GET + b"no colon\r\n\r\n"])
async def test_what_is_no_request(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is told so, and the log is not filled with it."""
    async with serving(PATIENCE) as client:
        client.writer.write(said)
        status, _, body = await client.answer()
    assert status == 400
    assert "no request" in json.loads(body)["message"]
    assert not caplog.text
