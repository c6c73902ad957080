"""WebSocket frames found in a stream, and close frames made, held against the websockets library's own."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader as Sans

from agentcore_lab.wire.frames import FrameReader, FrameTooLarge, close_frame, frame_in

LIMIT = 64 * 1024


def made(opcode: Opcode, data: bytes, *, masked: bool, final: bool = True) -> bytes:
    """The frame as the websockets library writes it."""
    return Frame(opcode, data, final).serialize(mask=masked)


def read(raw: bytes, *, masked: bool) -> Frame:
    """The one frame of ``raw`` as the websockets library reads it."""
    source = Sans()
    source.feed_data(raw)
    parsing = Frame.parse(source.read_exact, mask=masked, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame: Frame = done.value.value
    return frame


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536])
@pytest.mark.parametrize("final", [True, False])
async def test_frames_come_out_as_they_went_in(length: int, masked: bool, final: bool) -> None:
    """Every form of a head, masked or not, last fragment or not: byte for byte, however the stream is cut."""
    raw = made(Opcode.BINARY, secrets.token_bytes(length), masked=masked, final=final)
    stream = asyncio.StreamReader()
    reader = FrameReader(stream)
    for start in range(0, len(raw), 1000):
        stream.feed_data(raw[start : start + 1000])
    stream.feed_data(raw)
    stream.feed_eof()
    for _ in range(2):
        frame = await reader.next(LIMIT)
        assert frame is not None
        assert (frame.raw, frame.closes) == (raw, False)
    assert await reader.next(LIMIT) is None


async def test_giving_up_on_a_frame_loses_nothing() -> None:
    """A reader that is cancelled while half a frame is there goes on with it afterwards."""
    raw = made(Opcode.TEXT, b"hello", masked=True)
    stream = asyncio.StreamReader()
    reader = FrameReader(stream)
    stream.feed_data(raw[:4])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.next(LIMIT), 0.01)
    stream.feed_data(raw[4:])
    frame = await reader.next(LIMIT)
    assert frame is not None
    assert frame.raw == raw


def test_a_frame_that_is_too_large_is_told_by_its_head() -> None:
    """One byte more than allowed is refused before the payload has come."""
    raw = made(Opcode.BINARY, bytes(LIMIT + 1), masked=True)
    with pytest.raises(FrameTooLarge, match="65537 bytes"):
        frame_in(raw[:14], LIMIT)
    assert frame_in(raw[:9], LIMIT) is None


async def test_a_frame_that_is_too_large_can_be_dropped() -> None:
    """What comes after it is read as before."""
    large, after = (
        made(Opcode.BINARY, bytes(3 * LIMIT), masked=True),
        made(Opcode.CLOSE, b"\x03\xe8", masked=True),
    )
    stream = asyncio.StreamReader()
    stream.feed_data(large + after)
    reader = FrameReader(stream)
    with pytest.raises(FrameTooLarge) as refusal:
        await reader.next(LIMIT)
    await reader.drop(refusal.value.whole)
    frame = await reader.next(LIMIT)
    assert frame is not None
    assert (frame.raw, frame.closes) == (after, True)


@pytest.mark.parametrize("masked", [True, False])
def test_close_frames_are_what_a_library_reads(masked: bool) -> None:
    """Code and reason arrive; a reason that is too long is cut between two characters."""
    raw = close_frame(1011, "ü" * 200, masked=masked)
    frame = frame_in(raw, LIMIT)
    assert frame is not None
    assert frame.closes
    assert Close.parse(read(raw, masked=masked).data) == Close(1011, "ü" * 61)
    with pytest.raises((ProtocolError, AssertionError)):
        read(raw, masked=not masked)
