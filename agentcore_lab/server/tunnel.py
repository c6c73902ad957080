"""CONNECT: a client asks for a tunnel to a host, and what it gets (RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Literal

from agentcore_lab.tls.names import is_aws

_OPEN_SECONDS = 30
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What becomes of a CONNECT: it ends here, leads on to ``host`` and ``port``, or is refused for ``reason``."""

    way: Literal["here", "on", "refused"]
    host: str = ""
    port: int = 0
    reason: str = ""


def tunnel_for(request_line: str, *, pass_on: bool) -> Tunnel:
    """What a request line such as ``CONNECT iam.amazonaws.com:443 HTTP/1.1`` gets.

    AWS's names end here whatever their service: it is told in AWS's own form if it is not answered. Others are passed
    on as they are, if at all.
    """
    method, _, rest = request_line.partition(" ")
    host, colon, port = rest.partition(" ")[0].rpartition(":")
    host = host.strip("[]").lower()
    if method != "CONNECT" or not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        return Tunnel("refused", reason="Only CONNECT to a host and a port is understood here")
    if is_aws(host):
        if int(port) == 443:
            return Tunnel("here")
        return Tunnel("refused", reason=f"agentcore-lab answers for {host} on port 443 alone")
    if pass_on:
        return Tunnel("on", host, int(port))
    return Tunnel("refused", reason=f"agentcore-lab leads to AWS names alone, not to {host}")


async def pass_on(client: socket.socket, tunnel: Tunnel) -> None:
    """Carry bytes both ways until both sides have ended. The client has its answer already if this returns.

    Raises:
        OSError, TimeoutError: the host cannot be reached; the client has been told nothing.
    """
    async with asyncio.timeout(_OPEN_SECONDS):
        there = await asyncio.open_connection(tunnel.host, tunnel.port)
    here = await asyncio.open_connection(sock=client)
    try:
        here[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(here[0], there[1]))
            both.create_task(_pump(there[0], here[1]))
    finally:
        for _, writer in (here, there):
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()
