"""A request's bytes on their way to a container: counted, looked at once if the protocol asks for it, never held."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agentcore_lab.errors import ValidationException


class Payload:
    """The bytes of one request, to be read once; more than ``limit`` are refused.

    ``whole``: all of them, where they have come already.
    """

    def __init__(self, chunks: AsyncIterator[bytes], limit: int, whole: bytes | None = None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._head = bytearray(whole or b"")
        self._ended = whole is not None
        self._passed_on = False

    async def peek(self, most: int) -> bytes:
        """All of it if it is no longer than ``most``, else nothing; it can still be read afterwards."""
        while not (self._ended or self._passed_on or len(self._head) > most):
            await self._read_more()
        return bytes(self._head) if self._ended and len(self._head) <= most else b""

    def sent(self) -> bytes | AsyncIterator[bytes]:
        """What an HTTP client is to send: the bytes themselves where they have all come, which costs it less."""
        return bytes(self._head) if self._ended and len(self._head) <= self._limit else aiter(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """All of it, chunk by chunk. Raises ValidationException once it is too long."""
        self._passed_on = True
        total = len(self._head)
        if self._head:
            yield bytes(self._head)
        if self._ended:
            return
        async for chunk in self._chunks:
            total += len(chunk)
            if total > self._limit:
                raise too_large(self._limit)
            yield chunk

    async def _read_more(self) -> None:
        try:
            self._head += await anext(self._chunks)
        except StopAsyncIteration:
            self._ended = True


def too_large(limit: int) -> ValidationException:
    """The answer to a payload of more than ``limit`` bytes."""
    return ValidationException(f"The payload is larger than {limit:,} bytes")
