"""A request's body: as it comes, or received as a whole, because its hash is part of what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from aiohttp import StreamReader, web

from agentcore_lab.runtime.payload import too_large

IN_MEMORY_BYTES = 1024 * 1024
"""Of a body that has to be hashed first; what is longer lies in a file that has no name."""

_CHUNK_BYTES = 256 * 1024


class Body:
    """The bytes of one request, to be read once. ``whole`` is all of them where they have come already."""

    def __init__(self, content: StreamReader, announced: int, most: int) -> None:
        self._content = content
        self._announced = announced
        self._most = most
        self._file: IO[bytes] | None = None
        self.whole = content.read_nowait() if content.is_eof() else None

    async def receive(self, folder: Path) -> str:
        """Read all of it and give its SHA-256 in hexadecimal digits; what does not fit in memory goes to ``folder``.

        Raises:
            ValidationException: it is too large.
        """
        if self._announced > self._most:
            raise too_large(self._most)
        if self.whole is not None:
            return hashlib.sha256(self.whole).hexdigest()
        digest, kept = hashlib.sha256(), bytearray()
        async for chunk in self._limited():
            digest.update(chunk)
            if self._file is None and len(kept) + len(chunk) > IN_MEMORY_BYTES:
                self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
                self._file.write(kept)
                kept.clear()
            if self._file is None:
                kept += chunk
            else:
                self._file.write(chunk)
        if self._file is None:
            self.whole = bytes(kept)
        else:
            self._file.seek(0)
        return digest.hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes in order. Raises ValidationException once they are too many."""
        if self.whole is not None:
            yield self.whole
        elif self._file is not None:
            while chunk := self._file.read(_CHUNK_BYTES):
                yield chunk
        else:
            async for chunk in self._limited():
                yield chunk

    async def read(self) -> bytes:
        """All of it. Raises ValidationException: it is too large."""
        if self.whole is None:
            if self._announced > self._most:
                raise too_large(self._most)
            self.whole = b"".join([chunk async for chunk in self.chunks()])
        return self.whole

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    async def _limited(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._content.iter_any():
            length += len(chunk)
            if length > self._most:
                raise too_large(self._most)
            yield chunk


_BODY = web.RequestKey("body", Body)


def take_body(request: web.Request, most: int) -> Body:
    """The body of a request, which ``body_of`` gives from now on; ``most`` bytes of it are accepted."""
    body = Body(request.content, request.content_length or 0, most)
    request[_BODY] = body
    return body


@contextmanager
def letting_go(request: web.Request) -> Iterator[None]:
    """A block at whose end the body's file is closed, if it needed one."""
    try:
        yield
    finally:
        if (body := request.get(_BODY)) is not None:
            body.close()


def body_of(request: web.Request) -> Body:
    """The body that was taken."""
    return request[_BODY]
