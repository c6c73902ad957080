"""Answers framed as ``application/vnd.amazon.eventstream``, which botocore reads but cannot write.

A message is a prelude (its length, that of its headers, a checksum of both), headers, a payload and a checksum of all
before it (AWS: "Event stream encoding").
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.wire.encode import json_writers
from agentcore_lab.wire.models import error_code
from agentcore_lab.wire.shapes import Mismatch, as_structure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_lab.errors import AwsError
    from agentcore_lab.wire.models import Operation

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7
_INTERNAL: Final = "InternalServerException"


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message with headers that are strings."""
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(written) + len(payload), len(written))
    start = prelude + struct.pack("!I", crc32(prelude)) + written + payload
    return start + struct.pack("!I", crc32(start))


class EventStream:
    """The messages of one operation's answer, as its model has them."""

    def __init__(self, operation: Operation) -> None:
        shape = operation.model.get_event_stream_output()
        assert shape is not None, f"{operation.name} has no event stream"
        stream = as_structure(shape)
        writers = json_writers()
        self._events = {
            name: writers(member) for name, member in stream.members.items() if not _is_exception(member)
        }
        self._exceptions = {
            error_code(member): (name, frozenset(as_structure(member).members), writers(member))
            for name, member in stream.members.items()
            if _is_exception(member)
        }

    def event(self, name: str, members: Mapping[str, Any]) -> bytes:
        """The event ``name`` of the model.

        Raises:
            TypeError: the model has no such event, or it has no such members.
        """
        if name not in self._events:
            raise TypeError(f"the stream has no event {name}")
        try:
            payload = self._events[name](dict(members))
        except Mismatch as mismatch:
            raise TypeError(f"{name} at {mismatch.where}: {mismatch.expected}") from None
        return encode(
            {":event-type": name, ":content-type": "application/json", ":message-type": "event"},
            _json(payload),
        )

    def exception(self, error: AwsError) -> bytes:
        """The message by which a stream that has begun fails; an internal error if the model has none for this."""
        name, known, write = self._exceptions.get(error.code) or self._exceptions[_INTERNAL]
        members = {"message": error.message, **error.members}
        payload = write({member: value for member, value in members.items() if member in known})
        return encode(
            {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"},
            _json(payload),
        )


def _is_exception(member: Any) -> bool:
    return bool(member.metadata.get("exception"))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
