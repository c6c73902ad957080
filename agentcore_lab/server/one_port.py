"""HTTP, HTTPS and a proxy for AWS's names at one and the same port: a connection's first byte tells which it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from aiohttp import web

from agentcore_lab.server.repeated import FirstHead
from agentcore_lab.server.tunnel import Tunnel, pass_on, tunnel_for

log = logging.getLogger(__name__)

_TLS = 0x16
"""The first byte of every TLS connection: the record type of a handshake (RFC 8446, 5.1)."""

_FIRST_BYTE_SECONDS = 75
_HEAD_SECONDS = 10
_HANDSHAKE_SECONDS = 30
_HEAD_BYTES = 8192
_BACKLOG = 128
_BREATH_SECONDS = 0.2


class NoTunnel(Exception):  # noqa: N818 - what happened, not a mistake of ours
    """A client that gets no tunnel, and has been told why."""


@dataclass(frozen=True, slots=True)
class OnePort:
    """Hands each connection of a listener to ``server``, through TLS if it asks for it.

    ``elsewhere``: whether clients of this machine may be led to hosts that are not AWS's, so that a shell whose HTTPS
    goes through the engine still reaches the world. Clients of other machines never are.
    """

    server: web.Server
    tls: ssl.SSLContext
    elsewhere: bool

    @asynccontextmanager
    async def on(self, listener: socket.socket) -> AsyncIterator[None]:
        """Take connections until the end of the block; those taken are the server's from then on."""
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        taking = asyncio.create_task(self._take(listener))
        try:
            yield
        finally:
            taking.cancel()
            await asyncio.wait([taking])
            listener.close()

    async def _take(self, listener: socket.socket) -> None:
        async with asyncio.TaskGroup() as admitted:
            while True:
                await _readable(listener)
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    continue  # the client has gone already
                except OSError as error:
                    log.warning("no connection can be taken at the moment: %s", error)
                    await asyncio.sleep(_BREATH_SECONDS)
                else:
                    connection.setblocking(False)
                    admission = admitted.create_task(self._admit(connection))
                    # Not in the task: one that is cancelled before it begins would leave the connection open.
                    admission.add_done_callback(partial(_close_unless_handed_over, connection))

    async def _admit(self, connection: socket.socket) -> bool:
        """Whether the connection belongs to someone else now."""
        try:
            return await self._hand_over(connection)
        except (OSError, TimeoutError, NoTunnel) as error:
            log.debug("a connection came to nothing: %s", error)
        except Exception:
            log.exception("a connection could not be served")
        return False

    async def _hand_over(self, connection: socket.socket) -> bool:
        async with asyncio.timeout(_FIRST_BYTE_SECONDS):
            first = await _peek(connection)
        if not first:
            return False
        if first == b"C":  # no other method of HTTP that anyone uses begins so
            tunnel = await self._tunnel(connection)
            if tunnel.way == "on":
                return await _passed_on(connection, tunnel)
            secure = True
        else:
            secure = first[0] == _TLS
        await self._serve(connection, secure=secure)
        return True

    async def _serve(self, connection: socket.socket, *, secure: bool) -> None:
        loop = asyncio.get_running_loop()
        context = self.tls if secure else None
        patience = _HANDSHAKE_SECONDS if secure else None
        try:
            await loop.connect_accepted_socket(
                lambda: FirstHead(self.server()), connection, ssl=context, ssl_handshake_timeout=patience
            )
        except ssl.SSLError as error:
            if "UNKNOWN_CA" in str(error) or "CERTIFICATE_UNKNOWN" in str(error):
                log.warning(
                    "a client refused this engine's certificate: it does not trust its authority "
                    "(`agentcore-lab env --tls` prints what to set)"
                )
            raise

    async def _tunnel(self, connection: socket.socket) -> Tunnel:
        """What this CONNECT gets; the client knows it when the tunnel ends here or is refused."""
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await _head(connection)
        tunnel = tunnel_for(_line(head), pass_on=self.elsewhere and _is_near(connection))
        if tunnel.way == "here":
            await _tell(connection, "200 Connection established")
        elif tunnel.way == "refused":
            await _tell(connection, f"403 {tunnel.reason}")
            raise NoTunnel(tunnel.reason)
        return tunnel


async def _passed_on(connection: socket.socket, tunnel: Tunnel) -> bool:
    try:
        await pass_on(connection, tunnel)
    except (OSError, TimeoutError) as error:
        with contextlib.suppress(OSError):
            await _tell(connection, f"502 {tunnel.host} cannot be reached")
        raise NoTunnel(str(error)) from error
    return True


def _close_unless_handed_over(connection: socket.socket, admission: asyncio.Task[bool]) -> None:
    if admission.cancelled() or not admission.result():
        connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """The first byte, left where it is; none if the client has gone."""
    await _readable(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _readable(source: socket.socket) -> None:
    """Wait until there is a byte, or a connection, to be taken; nothing is taken, so nothing is lost if cancelled."""
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()
    loop.add_reader(source, _once, there)
    try:
        await there
    finally:
        loop.remove_reader(source)


def _once(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)


async def _head(connection: socket.socket) -> bytes:
    """A request's head. The client says nothing more until it is answered, so nothing behind it is lost."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await asyncio.get_running_loop().sock_recv(connection, _HEAD_BYTES)
        head += piece
        if not piece or len(head) > _HEAD_BYTES:
            raise NoTunnel("a CONNECT without an end")
    return head


def _line(head: bytes) -> str:
    return head.partition(b"\r\n")[0].decode("latin-1")


async def _tell(connection: socket.socket, status: str) -> None:
    """An answer to CONNECT. The words are the status line's: that is what clients show of it."""
    body = "" if status.startswith("200") else f"{status[4:]}\n"
    length = f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n" if body else ""
    answer = f"HTTP/1.1 {status}\r\n{length}\r\n{body}"
    await asyncio.get_running_loop().sock_sendall(connection, answer.encode("ascii", "replace"))


def _is_near(connection: socket.socket) -> bool:
    """Whether the client is a program of this machine."""
    address = ip_address(connection.getpeername()[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
