"""Sockets: one for the engine's clients on this machine, one for the agents inside sandboxes."""

from __future__ import annotations

import errno
import socket

from agentcore_lab.discovery import PortTaken
from agentcore_lab.sandbox.base import Doorway


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
