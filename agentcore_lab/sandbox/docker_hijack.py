"""The engine's connections that carry a program's input and output: HTTP first, then bytes both ways.

The docker SDK hands out a blocking socket and may lose what its buffered reader has taken already. Here the event loop
reads the connection itself, so that any number of programs need no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentcore_lab.sandbox.base import SandboxError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docker import APIClient

_STDERR = 2
_ANSWER_SECONDS = 60.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hijack(client: APIClient, path: str, body: dict[str, Any]) -> Connection:
    """The connection that a POST to ``path`` turns into, after the engine's headers.

    Raises:
        SandboxError: the engine refused, with its words, or is out of reach.
    """
    try:
        reader, writer = await _dial(client)
    except OSError as error:
        raise SandboxError(f"the container engine does not answer: {error}") from error
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await _ask(client, path, body, reader, writer)
    except (OSError, asyncio.IncompleteReadError) as error:
        writer.close()
        raise SandboxError(f"the container engine broke off: {error}") from error
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def frames(reader: asyncio.StreamReader, at_most: int) -> AsyncIterator[tuple[bool, bytes]]:
    """What a program without a terminal writes: whether it is stderr, and up to ``at_most`` bytes.

    Engine API, "Attach to a container", stream format: one byte of stream, three of nothing, four of size.
    """
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readexactly(8)
            left = int.from_bytes(head[4:])
            while left and (data := await reader.read(min(left, at_most))):
                left -= len(data)
                yield head[0] == _STDERR, data


async def _dial(client: APIClient) -> Connection:
    """A connection to the engine ``client`` speaks to."""
    adapter = client.get_adapter(client.base_url)
    if path := getattr(adapter, "socket_path", None):
        return await asyncio.open_unix_connection(path)
    address = urlsplit(client.base_url)
    if address.scheme not in {"http", "https"} or address.port is None:
        raise SandboxError(
            "commands and shells need an engine on a local socket or at a TCP address, not over SSH"
        )
    context = _tls(client) if address.scheme == "https" else None
    return await asyncio.open_connection(address.hostname, address.port, ssl=context)


def _tls(client: APIClient) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=client.verify if isinstance(client.verify, str) else None)
    if client.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client.cert:
        context.load_cert_chain(*client.cert)
    return context


async def _ask(
    client: APIClient,
    path: str,
    body: dict[str, Any],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    payload = json.dumps(body).encode()
    head = (
        f"POST /v{client.api_version}{path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    writer.write(head.encode() + payload)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    if status in {101, 200}:
        return
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    said = (await reader.readexactly(int(headers.get("content-length", 0)))).decode(errors="replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        said = json.loads(said)["message"]
    raise SandboxError(said.strip() or f"the container engine answered {status}")
