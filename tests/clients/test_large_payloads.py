"""100,000,000 bytes each way through an engine in a process of its own: whole, and never held in its memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
import pytest
from yarl import URL

from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES
from tests.clients.stage import SESSION_HEADER, Deployed, Stage, new_session_id
from tests.runtime.test_control_plane import refusal
from tests.signing import UNSIGNED, signed

PIECE = 1024 * 1024
GROWTH = 16 * 1024 * 1024
"""Bytes of memory: what an engine may need on top of what it has, whatever is sent through it."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")


@dataclass(frozen=True)
class Large:
    """A file of random bytes, as large as a payload may be, and its checksum."""

    path: Path
    sha256: str


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    """The largest payload AWS takes, plus one byte that only those who ask for it send."""
    path, digest = tmp_path_factory.mktemp("large") / "payload", hashlib.sha256()
    with path.open("wb") as file:
        for at in range(0, MAX_PAYLOAD_BYTES, PIECE):
            piece = os.urandom(min(PIECE, MAX_PAYLOAD_BYTES - at))
            digest.update(piece)
            file.write(piece)
        file.write(b"+")
    yield Large(path, digest.hexdigest())
    path.unlink()


@pytest.fixture(scope="module")
def echo(stage: Stage) -> Iterator[Deployed]:
    """echo-agent that answers once it has everything, for clients that do not read while they write."""
    with stage.deployed("echo-agent") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def duplex(stage: Stage) -> Iterator[Deployed]:
    """echo-agent that answers while it is asked."""
    with stage.deployed("echo-agent", DUPLEX="1") as deployed:
        yield deployed


class Peak:
    """How far a process's resident memory rises above what it is now."""

    def __init__(self, pid: int) -> None:
        self._proc = Path("/proc") / str(pid)
        (self._proc / "clear_refs").write_text("5")  # proc(5): the peak starts anew from what is resident now
        self._before = self._bytes("VmRSS")

    @property
    def growth(self) -> int:
        """Bytes, the highest since it was made."""
        return self._bytes("VmHWM") - self._before

    def _bytes(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        (kilobytes,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
        return int(kilobytes) * 1024


class FirstBytes:
    """A file that ends after ``size`` bytes, as boto3 takes any object that can be read and sought."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("rb")
        self._size = size

    def read(self, most: int = -1) -> bytes:
        """Up to ``most`` bytes."""
        left = self._size - self._file.tell()
        return self._file.read(left if most < 0 else min(most, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to ``offset``; the end is where this file ends."""
        return self._file.seek(
            *((self._size + offset, os.SEEK_SET) if whence == os.SEEK_END else (offset, whence))
        )

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def sent_by_boto3(agent: Deployed, large: Large, size: int, session_id: str) -> tuple[int, str]:
    """Bytes and checksum of what comes back of the first ``size`` bytes."""
    with FirstBytes(large.path, size) as payload:
        answer = agent.aws.data.invoke_agent_runtime(
            agentRuntimeArn=agent.arn,
            runtimeSessionId=session_id,
            contentType="application/octet-stream",
            payload=payload,
        )
    digest, length = hashlib.sha256(), 0
    for piece in answer["response"].iter_chunks(PIECE):
        digest.update(piece)
        length += len(piece)
    return length, digest.hexdigest()


async def chunked(
    agent: Deployed, large: Large, size: int, session_id: str, *, pause: float = 0
) -> tuple[int, int, str, bytes]:
    """Status, bytes, checksum and first bytes of the answer to a request whose length nobody announces.

    ``pause``: seconds for which the answer, once it has begun, is not read.
    """

    async def pieces() -> AsyncIterator[bytes]:
        with FirstBytes(large.path, size) as file:
            while piece := file.read(PIECE):
                yield piece

    headers = {SESSION_HEADER: session_id, "Content-Type": "application/octet-stream", **UNSIGNED}
    own = await asyncio.to_thread(signed, "POST", agent.invocations, None, headers)
    digest, length, first = hashlib.sha256(), 0, b""
    async with (
        aiohttp.ClientSession() as http,
        http.post(URL(agent.invocations, encoded=True), data=pieces(), headers=own) as answer,
    ):
        await asyncio.sleep(pause)
        async for piece in answer.content.iter_any():
            first = first or piece
            digest.update(piece)
            length += len(piece)
        return answer.status, length, digest.hexdigest(), first


def test_boto3_sends_and_gets_100_000_000_bytes(echo: Deployed, large: Large) -> None:
    """They come back as they were, and an engine that is warm needs less than 16 MiB for them."""
    session_id = new_session_id()
    sent_by_boto3(echo, large, 4 * PIECE, session_id)
    peak = Peak(echo.engine.pid)
    assert sent_by_boto3(echo, large, MAX_PAYLOAD_BYTES, session_id) == (MAX_PAYLOAD_BYTES, large.sha256)
    assert peak.growth < GROWTH


async def test_both_directions_may_flow_at_once(duplex: Deployed, large: Large) -> None:
    """The same for chunks of a length nobody announced, answered while they are sent."""
    session_id = new_session_id()
    await chunked(duplex, large, 4 * PIECE, session_id)
    peak = Peak(duplex.engine.pid)
    answer = await chunked(duplex, large, MAX_PAYLOAD_BYTES, session_id)
    assert answer[:3] == (200, MAX_PAYLOAD_BYTES, large.sha256)
    assert peak.growth < GROWTH


async def test_a_caller_who_reads_late_makes_the_agent_wait(echo: Deployed, large: Large) -> None:
    """What the agent could send meanwhile is not kept for the caller."""
    session_id = new_session_id()
    await chunked(echo, large, 4 * PIECE, session_id)
    peak = Peak(echo.engine.pid)
    answer = await chunked(echo, large, MAX_PAYLOAD_BYTES, session_id, pause=2)
    assert answer[:3] == (200, MAX_PAYLOAD_BYTES, large.sha256)
    assert peak.growth < GROWTH


def test_one_byte_more_is_refused_by_its_length(echo: Deployed, large: Large) -> None:
    """AWS: payload, 0 to 100,000,000 bytes. boto3 announces the length, sends it all, and is told."""
    session_id = new_session_id()
    code, status, message, _ = refusal(lambda: sent_by_boto3(echo, large, MAX_PAYLOAD_BYTES + 1, session_id))
    assert (code, status) == ("ValidationException", 400)
    assert "100,000,000 bytes" in message


async def test_one_byte_more_is_refused_when_it_comes(echo: Deployed, large: Large) -> None:
    """Nobody said how much it would be; what has been sent on by then is broken off, and memory stays as it was."""
    session_id = new_session_id()
    await chunked(echo, large, 4 * PIECE, session_id)
    peak = Peak(echo.engine.pid)
    status, _, _, body = await chunked(echo, large, MAX_PAYLOAD_BYTES + 1, session_id)
    assert status == 400
    assert "100,000,000 bytes" in json.loads(body)["message"]
    assert peak.growth < GROWTH
