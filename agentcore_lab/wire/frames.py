"""WebSocket frames as they are on the wire (RFC 6455, section 5.2): found whole, and never looked into."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

_CLOSE: Final = 0x8
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_EXTENDED: Final = {126: 2, 127: 8}
_LONGEST_REASON: Final = 123
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame with its head and mask, as it came. ``closes``: it is the last its sender sends."""

    raw: bytes
    closes: bool


class FrameTooLarge(Exception):  # noqa: N818 - a state, named as one
    """A frame's payload of ``length`` bytes is longer than may be; ``whole`` is with its head and mask."""

    def __init__(self, length: int, whole: int) -> None:
        super().__init__(f"{length} bytes")
        self.whole = whole


def frame_in(buffer: bytes | bytearray, limit: int) -> Frame | None:
    """The frame ``buffer`` begins with; None while it is not all there. ``limit`` is in bytes of payload.

    Raises:
        FrameTooLarge: its head says that it is longer.
    """
    if len(buffer) < 2:
        return None
    length, head = buffer[1] & 0x7F, 2
    if more := _EXTENDED.get(length):
        head += more
        if len(buffer) < head:
            return None
        length = int.from_bytes(buffer[2:head])
    whole = head + (_MASK_BYTES if buffer[1] & _MASKED else 0) + length
    if length > limit:
        raise FrameTooLarge(length, whole)
    if len(buffer) < whole:
        return None
    return Frame(bytes(buffer[:whole]), buffer[0] & 0x0F == _CLOSE)


def close_frame(code: int, reason: str, *, masked: bool) -> bytes:
    """A close frame; ``masked`` as a client has to send it. What is too long of ``reason`` is cut."""
    words = reason.encode()[:_LONGEST_REASON].decode(errors="ignore").encode()
    payload = code.to_bytes(2) + words
    head = bytes((_FINAL | _CLOSE, len(payload) | (_MASKED if masked else 0)))
    if not masked:
        return head + payload
    mask = secrets.token_bytes(_MASK_BYTES)
    return head + mask + bytes(byte ^ mask[n % _MASK_BYTES] for n, byte in enumerate(payload))


class FrameReader:
    """The frames of a stream, one after the other. To give up waiting for one loses nothing."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def next(self, limit: int) -> Frame | None:
        """The next frame; None where the stream ends. Raises FrameTooLarge; the frame has to be dropped then."""
        while (frame := frame_in(self._buffer, limit)) is None:
            data = await self._stream.read(_CHUNK)
            if not data:
                return None
            self._buffer += data
        del self._buffer[: len(frame.raw)]
        return frame

    async def drop(self, size: int) -> None:
        """Read so many bytes, or to the end of the stream, and keep none of them."""
        while size > len(self._buffer):
            size -= len(self._buffer)
            self._buffer[:] = await self._stream.read(_CHUNK)
            if not self._buffer:
                return
        del self._buffer[:size]
