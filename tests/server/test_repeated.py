"""Handshakes that say things twice, byte for byte."""

from __future__ import annotations

import pytest

from agentcore_lab.server.repeated import said_once

TWICE = (
    b"GET /ws HTTP/1.1\r\nHost: a.amazonaws.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: first\r\nX-Custom: 1\r\nhost: a.amazonaws.com\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nsec-websocket-key: second\r\nX-Custom: 2\r\n\r\nframes"
)


def test_the_first_of_each_counts() -> None:
    """Other headers may repeat, and what follows the head stays."""
    assert said_once(TWICE) == (
        b"GET /ws HTTP/1.1\r\nHost: a.amazonaws.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: first\r\nX-Custom: 1\r\nX-Custom: 2\r\n\r\nframes"
    )


@pytest.mark.parametrize(
    "data",
    [
        TWICE.replace(b"host: a", b"host: b"),
        TWICE.replace(b"websocket\r\n", b"h2c\r\n"),
        TWICE.partition(b"\r\n\r\n")[0],
        b"POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"\x00\x01",
    ],
)
def test_all_else_is_left_for_the_server_to_judge(data: bytes) -> None:
    """Hosts that differ, other upgrades, heads without an end, other requests, no HTTP."""
    assert said_once(data) == data
