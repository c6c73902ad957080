"""From the bytes a command writes to the events its caller reads (CONTRACT: sections 4.2, 16)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

from agentcore_lab.runtime.limits import MAX_COMMAND_EVENT_BYTES

_AROUND = 1024
"""What an event needs besides its text: framing, headers, the members' names."""

STARTED: dict[str, Any] = {"contentStart": {}}
"""The first event."""


def ended(exit_code: int, *, timed_out: bool = False) -> dict[str, Any]:
    """The last event."""
    return {"contentStop": {"exitCode": exit_code, "status": "TIMED_OUT" if timed_out else "COMPLETED"}}


def delta(stream: str, text: str) -> dict[str, Any]:
    """A piece of output."""
    return {"contentDelta": {stream: text}}


class Texts:
    """Turns the bytes of both streams into events of whole characters, none larger than AWS allows.

    What is no UTF-8 becomes replacement characters: the model's members are strings.
    """

    def __init__(self) -> None:
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: make("replace") for stream in ("stdout", "stderr")}

    def feed(self, stream: str, data: bytes) -> Iterator[dict[str, Any]]:
        """The events for ``data``; an unfinished character waits for the rest of it."""
        yield from _deltas(stream, self._decoders[stream].decode(data))

    def finish(self) -> Iterator[dict[str, Any]]:
        """The events for characters that were never finished."""
        for stream, decoder in self._decoders.items():
            yield from _deltas(stream, decoder.decode(b"", final=True))


def _deltas(stream: str, text: str) -> Iterator[dict[str, Any]]:
    if not text:
        return
    if len(json.dumps(text, ensure_ascii=False).encode()) <= MAX_COMMAND_EVENT_BYTES - _AROUND:
        yield delta(stream, text)
        return
    half = len(text) // 2
    yield from _deltas(stream, text[:half])
    yield from _deltas(stream, text[half:])
