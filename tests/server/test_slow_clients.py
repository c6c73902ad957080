"""Clients that take their time on purpose: they wait by themselves, and not for ever."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from urllib.parse import quote

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock
from tests.conftest import Clients
from tests.runtime.test_invocations import SESSION_HEADER, eventually, invoke, ready, sessions

MANY = 200


@contextmanager
def dripping(engine: RunningEngine, count: int, head: str) -> Iterator[list[socket.socket]]:
    """Connections on which a client has sent ``head`` and one byte more."""
    port = int(engine.url.rpartition(":")[2])
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(count)
        ]
        for number, client in enumerate(clients):
            client.sendall(head.format(number=number).encode() + b"x")
        yield clients


def test_heads_without_an_end_hold_up_nobody(engine: RunningEngine, aws: Clients) -> None:
    """Two hundred half requests cost a connection each; the engine answers the next caller as ever."""
    arn = ready(aws)
    with dripping(engine, MANY, "POST /runtimes/{number}/invocations HTTP/1.1\r\nX-Slow: "):
        began = time.monotonic()
        assert invoke(aws, arn, b"at once")["body"] == b"at once"
        assert time.monotonic() - began < 10


def test_bodies_that_drip_hold_their_own_sessions_alone(engine: RunningEngine, aws: Clients) -> None:
    """Each has its session as any call has; others are answered, and the hold goes with the client."""
    arn = ready(aws)
    head = (
        f"POST /runtimes/{quote(arn, safe='')}/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"{SESSION_HEADER}: a-client-that-takes-its-time-number-{{number:04}}\r\nContent-Length: 1000\r\n\r\n"
    )
    with dripping(engine, 20, head):
        assert invoke(aws, arn, b"at once")["body"] == b"at once"
    eventually(lambda: all(not session["inFlight"] for session in sessions(engine)))


def test_a_body_that_drips_ends_with_the_fifteen_minutes_of_any_call(
    engine: RunningEngine, aws: Clients, clock: FakeClock
) -> None:
    """By the engine's clock; the client is told, or hung up on."""
    arn = ready(aws)
    head = (
        f"POST /runtimes/{quote(arn, safe='')}/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"{SESSION_HEADER}: a-client-that-takes-its-time-and-more\r\nContent-Length: 1000\r\n\r\n"
    )
    with dripping(engine, 1, head) as (client,):
        eventually(lambda: any(session["inFlight"] for session in sessions(engine)))
        clock.advance(timedelta(minutes=15, seconds=1))
        assert client.recv(100)[:12] in {b"HTTP/1.1 504", b""}


@pytest.mark.parametrize("size", [10_000_000_000, 100_000_001])
def test_a_body_announced_too_large_is_refused_before_it_comes(
    engine: RunningEngine, aws: Clients, size: int
) -> None:
    """Nobody waits for ten gigabytes to say that they are too many."""
    head = (
        f"POST /runtimes/{quote(ready(aws), safe='')}/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Length: {size}\r\n\r\n"
    )
    with dripping(engine, 1, head) as (client,):
        assert client.recv(100).startswith(b"HTTP/1.1 4")
