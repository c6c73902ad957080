"""The agents that speak plain HTTP, called with boto3: streamed events, background work, large and foreign payloads."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
import time
import zlib
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from yarl import URL

from tests.clients.stage import SESSION_HEADER, Deployed, Stage, eventually, new_session_id
from tests.runtime.test_control_plane import refusal
from tests.signing import UNSIGNED, signed

ONE_SESSION = "of-each-agent-one-session-for-all-of-these-tests"


@pytest.fixture(scope="module")
def streaming(stage: Stage) -> Iterator[Deployed]:
    """streaming-agent, READY."""
    with stage.deployed("streaming-agent") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def echo(stage: Stage) -> Iterator[Deployed]:
    """echo-agent that answers while it is asked."""
    with stage.deployed("echo-agent", DUPLEX="1") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def multimodal(stage: Stage) -> Iterator[Deployed]:
    """multimodal-agent, READY."""
    with stage.deployed("multimodal-agent") as deployed:
        yield deployed


def test_each_event_arrives_before_the_next_is_made(streaming: Deployed) -> None:
    """Nothing on the way merges, splits or holds an event back."""
    answer = streaming.invoke({"prompt": "a b", "events": 6, "interval": 0.3})
    assert answer["contentType"].startswith("text/event-stream")
    arrived, events = [], []
    for line in answer["response"].iter_lines(chunk_size=1):
        if line:
            arrived.append(time.time())
            events.append(json.loads(line.removeprefix(b"data: ")))
    assert [(event["event"], event["text"]) for event in events] == list(enumerate("ababab", start=1))
    for at, following in zip(arrived, events[1:], strict=False):
        assert at < following["made"]


def test_a_client_that_leaves_stops_the_generator(streaming: Deployed) -> None:
    """The agent's own log says after how many events nobody listened any more."""
    session_id = new_session_id()
    answer = streaming.invoke({"events": 1000, "interval": 0.05}, runtimeSessionId=session_id)
    lines = answer["response"].iter_lines(chunk_size=1)
    assert json.loads(next(lines).removeprefix(b"data: "))["event"] == 1
    answer["response"].close()
    eventually(lambda: streaming.logged(session_id, "the client left"))


def test_background_work_keeps_a_session_busy_until_it_is_done(stage: Stage) -> None:
    """The call is answered at once; the health check says HealthyBusy while the tasks last, then Healthy."""
    session_id = new_session_id()
    with stage.deployed("async-agent") as agent:
        agent.ask({}, runtimeSessionId=session_id)
        agent.ask({"task": "by decorator", "seconds": 4}, runtimeSessionId=session_id)
        answer = agent.ask({"task": "by hand", "seconds": 4, "by_hand": True}, runtimeSessionId=session_id)
        assert answer == {"tasks": {"by decorator": "running", "by hand": "running"}, "health": "HealthyBusy"}

        eventually(lambda: bool(agent.session(session_id)["health"] == "HealthyBusy"))
        eventually(lambda: bool(agent.session(session_id)["health"] == "Healthy"))
        tasks = agent.ask({}, runtimeSessionId=session_id)["tasks"]
        assert tasks == {"by decorator": "done", "by hand": "done"}


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "text/csv; charset=latin-1", "image/x-own"]
)
def test_any_bytes_of_any_type_come_back_as_they_were(
    stage: Stage, echo: Deployed, content_type: str
) -> None:
    """Neither payload nor content type is looked into or changed."""
    payload = os.urandom(20_000)
    answer = echo.invoke(payload, contentType=content_type, runtimeSessionId=ONE_SESSION)
    assert answer["response"].read() == payload
    assert answer["contentType"] == content_type


def test_what_went_in_can_be_checked_without_sending_it_back(echo: Deployed) -> None:
    """Megabytes arrive whole: the container's own checksum says so."""
    payload = os.urandom(5_000_000)
    told = echo.ask(
        payload,
        accept="application/vnd.checksum+json",
        contentType="application/x-some",
        runtimeSessionId=ONE_SESSION,
    )
    assert told == {
        "bytes": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
        "contentType": "application/x-some",
    }


async def test_an_answer_may_begin_before_the_question_has_ended(echo: Deployed) -> None:
    """Both directions flow at once: each piece is sent only after the one before it has come back."""
    back: asyncio.Queue[bytes] = asyncio.Queue()
    pieces = [b"first", b"second", b"third"]

    async def asking() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            assert await back.get() == piece

    headers = {SESSION_HEADER: ONE_SESSION, "Content-Type": "text/plain", **UNSIGNED}
    own = await asyncio.to_thread(signed, "POST", echo.invocations, None, headers)
    async with (
        aiohttp.ClientSession() as http,
        http.post(URL(echo.invocations, encoded=True), data=asking(), headers=own) as answer,
    ):
        async for piece in answer.content.iter_any():
            await back.put(piece)
    assert answer.status == 200


def png(width: int, height: int) -> bytes:
    """A picture of that size, all of it black."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"\0" * (width + 1) * height)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_goes_in_as_json_and_as_it_is(multimodal: Deployed) -> None:
    """All ways to hand an agent a file lead to the same bytes."""
    picture = png(320, 200)
    coded = {"prompt": "What is it?", "media": base64.b64encode(picture).decode()}
    by_json = multimodal.ask(coded, runtimeSessionId=ONE_SESSION)
    described = {**coded, "media": {"type": "image", "format": "png", "data": coded["media"]}}
    assert multimodal.ask(described, runtimeSessionId=ONE_SESSION) == by_json
    raw = multimodal.ask(picture, runtimeSessionId=ONE_SESSION, contentType="image/png")
    seen = {"bytes": len(picture), "sha256": hashlib.sha256(picture).hexdigest()}
    seen |= {"type": "image/png", "width": 320, "height": 200}
    assert by_json == {"prompt": "What is it?", "sentAs": "application/json", **seen}
    assert raw == {"prompt": None, "sentAs": "image/png", **seen}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"GIF89a" + struct.pack("<HH", 320, 200) + bytes(20), "image/gif"),
        (
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x0b\x08" + struct.pack(">HH", 200, 320) + bytes(8),
            "image/jpeg",
        ),
    ],
)
def test_a_pictures_size_is_read_from_its_own_bytes(multimodal: Deployed, data: bytes, kind: str) -> None:
    """The content type the caller gives is told, and not believed."""
    answer = multimodal.ask(data, contentType="application/octet-stream", runtimeSessionId=ONE_SESSION)
    assert (answer["type"], answer["width"], answer["height"]) == (kind, 320, 200)
    assert answer["sentAs"] == "application/octet-stream"


def test_a_documents_pages_are_counted(multimodal: Deployed) -> None:
    """Pages in the open and pages in a compressed object stream."""
    packed = zlib.compress(b"<</Type /Page>> <</Type/Page /Parent 2 0 R>>")
    document = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 3>> endobj\n2 0 obj <</Type /Page>> endobj\n"
    document += b"3 0 obj <</Type /ObjStm /N 2>>\nstream\n" + packed + b"\nendstream endobj\n%%EOF"
    answer = multimodal.ask(document, contentType="application/pdf", runtimeSessionId=ONE_SESSION)
    assert (answer["type"], answer["pages"]) == ("application/pdf", 3)


def test_a_payload_the_agent_cannot_read_is_the_callers_to_know(multimodal: Deployed) -> None:
    """The agent's own 400 is AWS's 424, with the agent's words in it."""
    code, status, message, _ = refusal(
        lambda: multimodal.ask({"media": "no base64!"}, runtimeSessionId=ONE_SESSION)
    )
    assert (code, status) == ("RuntimeClientError", 424)
    assert "media must be a file in base64" in message
