"""Sockets: one for the engine's clients on this machine, one for the agents inside sandboxes."""

from __future__ import annotations

import asyncio
import errno
import socket

from agentcore_lab.discovery import PortTaken
from agentcore_lab.sandbox.base import Doorway

_TURNS_TO_HAND_OVER = 3
"""Of the loop: a task for the connection begins, its transport tells the protocol, and it begins to read."""


def listen(host: str, port: int, *, any_port: bool) -> socket.socket:
    """A socket for the engine's clients; at a free port if the one asked for is taken and ``any_port``.

    Raises:
        PortTaken: the port is taken and no other may be used.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE and any_port:
            listener.bind((host, 0))
            return listener
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(
            f"Port {port} is taken by another program. Choose another with --port, or --port 0 for any."
        ) from error
    return listener


def listen_inside(doorway: Doorway, listener: socket.socket) -> socket.socket | None:
    """A socket for the agents, at the same port if it is free there; None where they reach the engine's own."""
    host, port = listener.getsockname()[:2]
    if doorway.listen_on is None or host in {"0.0.0.0", "::"}:  # noqa: S104 - asked, not bound
        return None
    inner = socket.socket(socket.AF_INET)
    inner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        inner.bind((doorway.listen_on, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            inner.close()
            raise
        inner.bind((doorway.listen_on, 0))
    return inner


async def take_no_more(listener: socket.socket) -> None:
    """Hand over the connections that asyncio has taken from ``listener`` already, and let it take no others.

    To be called before its server is closed: a connection taken and not yet handed over at that moment is lost, its
    client waits, and its socket leaks. What nobody has taken yet is refused when the listener is closed.
    """
    asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(_TURNS_TO_HAND_OVER):
        await asyncio.sleep(0)
