"""The benchmark measures what it says: whole answers, the right ones, compared round by round."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.load import Measured, Target, UnexpectedAnswer, Workload, measure
from benchmarks.relay import main
from benchmarks.report import Run, ratios

ASKED = Workload("invoke", "application/json", b"{}", connections=2, seconds=0.05, answer_bytes=2)
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def answering(pieces: Sequence[bytes]) -> AsyncIterator[Target]:
    """A server that answers everything with these pieces, one after the other."""
    left, gone = [None] * ASKED.connections, asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(len(ASKED.body))
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0.001)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        left.pop()
        if not left:
            gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield Target(host, port, "/invocations")
        await gone.wait()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\n", b"{", b"}"],
        [HEAD, b"2\r\n{}\r\n", b"0\r\n\r\n"],
        [HEAD + b"2\r\n{}\r\n0\r", b"\n\r\n"],
    ],
)
async def test_an_answer_ends_where_it_ends(pieces: Sequence[bytes]) -> None:
    """However it is cut into pieces."""
    async with answering(pieces) as target:
        measured = await measure(target, ASKED)
    assert measured.requests == len(measured.latencies) == len(measured.first_bytes) >= ASKED.connections
    assert all(first <= whole for first, whole in zip(measured.first_bytes, measured.latencies, strict=True))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
    ],
)
async def test_what_was_not_asked_for_is_not_measured(answer: bytes) -> None:
    """A refusal is quick, and a short answer too: neither may pass for speed."""
    async with answering([answer]) as target:
        with pytest.raises(UnexpectedAnswer):
            await measure(target, ASKED)


def test_ways_are_compared_within_a_round() -> None:
    """A machine that was slow in one round was slow for all ways: the median of ratios, not the ratio of medians."""
    rates = {"direct": (100, 10, 50), "engine": (50, 5, 10)}
    runs = [
        Run(turn, ASKED, way, Measured(rate, 1.0, (0.01,), (0.01,), 0.0), relay_cpu=0.1)
        for way, those in rates.items()
        for turn, rate in enumerate(those)
    ]
    (row,) = ratios(runs)
    assert row["engine/direct"] == {"median": 0.5, "least": 0.2, "most": 0.5}
    assert row["engine relay cpu"] == pytest.approx(0.3 / 65)
    assert "engine/nginx" not in row


@pytest.mark.process
@pytest.mark.long
def test_the_benchmark_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It sets everything up, measures every workload, and leaves a table and all figures."""
    output = tmp_path / "relay.json"
    code = main(["--rounds", "1", "--seconds", "0.1", "--sandbox", "process", "--output", str(output)])
    told = capsys.readouterr()
    (written,) = json.loads(output.read_text())
    ways = {run["way"] for run in written["runs"]}
    assert ways == ({"direct", "engine"} if "Without nginx" in told.err else {"direct", "nginx", "engine"})
    assert code == (1 if "Without nginx" in told.err else 0)
    assert len(written["ratios"]) == 8
    assert "| 100 MB from the agent | 1 |" in told.out
