"""Connections that arrive while a server closes are not lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import warnings

from aiohttp import web

from agentcore_lab.server.listening import take_no_more
from agentcore_lab.server.one_port import OnePort

_PATIENCE = 20


async def _until_taken() -> None:
    """Two turns of the loop: the accepting callback has run, the task it made for the connection has not."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _read(client: socket.socket) -> bytes:
    client.settimeout(_PATIENCE)
    return await asyncio.to_thread(client.recv, 1)


def test_a_connection_taken_at_the_last_moment_is_closed_with_its_server() -> None:
    """asyncio alone would forget it: its client would wait, its socket would leak."""

    async def run() -> bytes:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        with socket.create_connection(listener.getsockname()) as client:
            await _until_taken()
            await take_no_more(listener)
            await runner.cleanup()
            return await _read(client)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert asyncio.run(run()) == b""
        gc.collect()
    assert [str(each.message) for each in told] == []


def test_the_port_for_everything_closes_what_it_has_not_handed_over() -> None:
    """A connection whose first byte has not come, one that nobody has begun to look at, one not taken yet."""

    async def run() -> None:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        assert runner.server is not None
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        port = OnePort(runner.server, ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), elsewhere=False)
        clients: list[socket.socket] = []
        async with port.on(listener):
            for _ in range(6):
                clients.append(socket.create_connection(address))
                await asyncio.sleep(0)
        for client in clients:
            with client, contextlib.suppress(ConnectionResetError):  # one that was never taken
                assert await _read(client) == b""
        await runner.cleanup()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(run())
        gc.collect()
    assert [str(each.message) for each in told] == []
