"""Clients that take their time on purpose: they wait by themselves, and not for ever."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from urllib.parse import quote

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock
from tests.conftest import Clients
from tests.patience import PATIENCE
from tests.runtime.test_invocations import SESSION_HEADER, invoke, ready, sessions
from tests.signing import signed

MANY = 200


@contextmanager
def dripping(engine: RunningEngine, count: int, head: str) -> Iterator[list[socket.socket]]:
    """Connections on which a client has sent ``head`` and one byte more."""
    port = int(engine.url.rpartition(":")[2])
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            for _ in range(count)
        ]
        for number, client in enumerate(clients):
            client.sendall(head.format(number=number).encode() + b"x")
        yield clients


def test_heads_without_an_end_hold_up_nobody(engine: RunningEngine, aws: Clients) -> None:
    """Two hundred half requests cost a connection each; the engine answers the next caller as ever."""
    arn = ready(aws)
    with dripping(engine, MANY, "POST /runtimes/{number}/invocations HTTP/1.1\r\nX-Slow: "):
        assert invoke(aws, arn, b"at once")["body"] == b"at once"


def head_of(engine: RunningEngine, arn: str, session_id: str, length: int) -> str:
    """The signed head of an invocation that announces a body."""
    path = f"/runtimes/{quote(arn, safe='')}/invocations"
    headers = {SESSION_HEADER: session_id, "Content-Length": str(length)}
    own = signed("POST", engine.url + path, b"x" * min(length, 1000), headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"POST {path} HTTP/1.1\r\nHost: {engine.url.rpartition('/')[2]}\r\n{lines}\r\n"


def test_bodies_that_drip_hold_nothing_but_their_connection(engine: RunningEngine, aws: Clients) -> None:
    """A body is part of what was signed: until it is there nobody is asked for anything."""
    arn = ready(aws)
    head = head_of(engine, arn, "a-client-that-takes-its-time-" + "0" * 8, 1000)
    with dripping(engine, 20, head):
        assert invoke(aws, arn, b"at once")["body"] == b"at once"
        assert len(sessions(engine)) == 1


def test_a_body_that_drips_ends_with_the_fifteen_minutes_of_any_call(
    engine: RunningEngine, aws: Clients, clock: FakeClock
) -> None:
    """By the engine's clock; the client is told."""
    head = head_of(engine, ready(aws), "a-client-that-takes-its-time-and-more", 1000)
    with dripping(engine, 1, head) as (client,):
        # Nothing tells from outside that the head has arrived; an answer on another connection is later than it.
        assert invoke(aws, ready(aws, name="another"), b"meanwhile")["body"] == b"meanwhile"
        clock.advance(timedelta(minutes=15, seconds=1))
        assert client.recv(100).startswith(b"HTTP/1.1 504")


@pytest.mark.parametrize("size", [10_000_000_000, 100_000_001])
def test_a_body_announced_too_large_is_refused_before_it_comes(
    engine: RunningEngine, aws: Clients, size: int
) -> None:
    """Nobody waits for ten gigabytes to say that they are too many."""
    head = head_of(engine, ready(aws), "a-client-with-very-much-to-say-1234", size)
    with dripping(engine, 1, head) as (client,):
        assert client.recv(100).startswith(b"HTTP/1.1 400")
