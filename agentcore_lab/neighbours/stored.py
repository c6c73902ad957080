"""The content of an S3 object as a file in the data directory, in place of moto's temporary one."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import IO

_IN_MEMORY_BYTES = 1 << 20


class StoredValue:
    """Reads from ``path``, which is open only while it is read; writing begins a temporary file instead.

    It has what moto uses of a temporary file: seek, read, truncate, write and close.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self._at = 0
        self._written: IO[bytes] | None = None

    def seek(self, offset: int) -> int:
        """Go to a byte."""
        if self._written is not None:
            return self._written.seek(offset)
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """Some bytes, or all that are left."""
        if self._written is not None:
            return self._written.read(size)
        assert self.path is not None
        with self.path.open("rb") as file:
            file.seek(self._at)
            found = file.read(size)
        self._at += len(found)
        return found

    def truncate(self) -> int:
        """Begin anew with nothing: the file stays as it is, for whoever has saved it."""
        self.path = None
        self._written = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the object
        return 0

    def write(self, content: bytes) -> int:
        """Write after truncate."""
        assert self._written is not None
        return self._written.write(content)

    def close(self) -> None:
        """The file is removed when no saved state names it any more."""
        if self._written is not None:
            self._written.close()


def store(value: IO[bytes], folder: Path) -> StoredValue:
    """Write what ``value`` holds into a new file of ``folder``, whole or not at all."""
    path = folder / uuid.uuid4().hex
    draft = path.with_suffix(".tmp")
    value.seek(0)
    with draft.open("wb") as file:
        while chunk := value.read(1 << 20):
            file.write(chunk)
    draft.replace(path)
    return StoredValue(path)
