"""The connection to a program in a container, against an engine that says what the test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from docker import APIClient

from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.docker_hijack import frames, hijack

UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@asynccontextmanager
async def engine(answer: bytes) -> AsyncIterator[tuple[APIClient, list[bytes]]]:
    """A client of an engine at a TCP address that answers one request so, and what it was sent."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = APIClient(address, version="1.41")
    try:
        async with server:
            yield client, asked
    finally:
        client.close()


async def test_bytes_that_come_with_the_headers_are_not_lost() -> None:
    """Output in the same packet as the answer's head is output; frames are cut to what the caller wants."""
    said = UPGRADED + b"\1\0\0\0\0\0\0\5hello" + b"\2\0\0\0\0\0\0\3err"
    async with engine(said) as (client, asked):
        reader, writer = await hijack(client, "/exec/x/start", {"Tty": False})
        assert [piece async for piece in frames(reader, 4)] == [
            (False, b"hell"),
            (False, b"o"),
            (True, b"err"),
        ]
        writer.close()
    assert asked[0].startswith(b"POST /v1.41/exec/x/start HTTP/1.1\r\n")


async def test_output_that_breaks_off_ends() -> None:
    """An engine that dies in the middle of a frame ends the output; the exit code then tells."""
    async with engine(UPGRADED + b"\1\0\0\0\0\0\0\5he") as (client, _):
        reader, writer = await hijack(client, "/exec/x/start", {})
        assert [piece async for piece in frames(reader, 9)] == [(False, b"he")]
        writer.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'HTTP/1.1 409 Conflict\r\nContent-Length: 28\r\n\r\n{"message": "it is paused"}\n', "it is paused"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops", "oops"),
        (b"HTTP/1.1 503 Oh\r\n\r\n", "answered 503"),
        (b"HTTP/1.1 200", "broke off"),
    ],
)
async def test_a_refusal_is_told(answer: bytes, words: str) -> None:
    """In the engine's own words, if it has any."""
    async with engine(answer) as (client, _):
        with pytest.raises(SandboxError, match=words):
            await hijack(client, "/exec/x/start", {})


async def test_an_engine_that_is_gone() -> None:
    """Nobody listens: the backend cannot be reached."""
    async with engine(b"") as (client, _):
        pass
    with pytest.raises(SandboxError, match="does not answer"):
        await hijack(client, "/exec/x/start", {})
