"""Files on their way from a page to the kernel, piece by piece, so that neither stands still meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.panels.question import Attachment
from agentcore_lab.runtime.limits import MAX_PAYLOAD_BYTES


class UploadRefused(ValueError):  # noqa: N818 - an answer, named as one
    """A file, or a piece of one, that is not taken; the message is for a person."""


def sized(name: str, size: int) -> None:
    """Nothing, for a file that a payload can hold.

    Raises:
        UploadRefused: it is larger than a payload may be.
    """
    if not 0 <= size <= MAX_PAYLOAD_BYTES:
        most = MAX_PAYLOAD_BYTES / 1e6
        raise UploadRefused(f"{name} has {size / 1e6:,.0f} MB; a payload has {most:,.0f} MB at most.")


@dataclass(slots=True)
class Upload:
    """One file as far as it is here. A page sends the next piece when it hears how far the kernel is."""

    id: str
    name: str
    type: str
    size: int
    _data: bytearray = field(default_factory=bytearray, repr=False)

    def __post_init__(self) -> None:
        """Raises UploadRefused: it is larger than a payload may be."""
        sized(self.name, self.size)

    def take(self, at: int, pieces: Sequence[bytes | memoryview]) -> None:
        """Add what comes next.

        Raises:
            UploadRefused: it is not what comes next; the upload has to begin again.
        """
        if at != self.received or self.received + sum(map(len, pieces)) > self.size:
            raise UploadRefused(f"{self.name} did not arrive whole. Attach it again.")
        for piece in pieces:
            self._data += piece

    @property
    def received(self) -> int:
        """Bytes that are here."""
        return len(self._data)

    @property
    def whole(self) -> bool:
        """Whether it has arrived."""
        return self.received == self.size

    def data(self) -> bytes:
        """The file."""
        return bytes(self._data)


class Uploads:
    """The one upload of a panel that is under way; ``arrived`` is called with what has come whole."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], arrived: Callable[[Attachment], None]) -> None:
        self._tell = tell
        self._arrived = arrived
        self._current: Upload | None = None

    def heard(self, message: Mapping[str, Any], buffers: Sequence[bytes | memoryview]) -> None:
        """Take a message of the page; the answer says how far the kernel is, or why it takes no more."""
        try:
            match message:
                case {
                    "type": "upload",
                    "id": str(id_),
                    "name": str(name),
                    "kind": str(kind),
                    "size": int(size),
                }:
                    self._current = Upload(id_, name, kind, size)
                case {"type": "piece", "id": str(id_), "at": int(at)} if self._is(id_):
                    assert self._current is not None
                    self._current.take(at, buffers)
                case _:
                    return
        except UploadRefused as error:
            self.drop()
            self._tell({"type": "upload", "id": message.get("id"), "refused": str(error)})
            return
        upload = self._current
        self._tell({"type": "upload", "id": upload.id, "received": upload.received})
        if upload.whole:
            self.drop()
            self._arrived(Attachment.of(upload.name, upload.data(), upload.type))

    def drop(self) -> None:
        """Take no more of it."""
        self._current = None

    def _is(self, id_: str) -> bool:
        return self._current is not None and self._current.id == id_
