"""Frames of interactive shells: one byte of channel, then the payload.

The form is Kubernetes' ``v5.channel.k8s.io`` (bedrock-agentcore SDK, runtime/shell/protocol.py).
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

from agentcore_lab.json_text import read_json

_SIGNALLED = 128
_LARGEST = 0xFFFF
"""What a terminal's size can be at most, each way."""


class Channel(IntEnum):
    """What a frame carries."""

    STDIN = 0x00
    STDOUT = 0x01
    STDERR = 0x02
    STATUS = 0x03
    RESIZE = 0x04
    HEARTBEAT = 0x05
    CLOSE = 0xFF


def frame(channel: Channel, payload: bytes = b"") -> bytes:
    """One frame."""
    return bytes([channel]) + payload


def confirmed(shell_id: str, *, reconnected: bool) -> bytes:
    """The first frame a client gets."""
    return _status({"shellId": shell_id, "reconnected": reconnected}, {"status": "Success"})


def exited(code: int) -> bytes:
    """The last frame of a shell that has ended by itself, or by a signal."""
    if not code:
        return _status({}, {"status": "Success"})
    causes = [{"reason": "ExitCode", "message": str(code)}]
    if code > _SIGNALLED:
        causes.append({"reason": "Signal", "message": str(code - _SIGNALLED)})
    return _status(
        {},
        {
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": f"command terminated with exit code {code}",
            "details": {"causes": causes},
        },
    )


def failed(message: str) -> bytes:
    """The last frame of a shell that the platform could not start or keep."""
    return _status({}, {"status": "Failure", "reason": "InternalError", "message": message, "code": 500})


def size_in(payload: bytes) -> tuple[int, int]:
    """Columns and rows of a RESIZE frame. Raises ValueError for anything else."""
    size = read_json(payload)
    match size:
        case {"width": int(width), "height": int(height)} if (
            0 < min(width, height) <= max(width, height) <= _LARGEST
        ):
            return width, height
    raise ValueError('it must be {"width": columns, "height": rows}')


def _status(metadata: dict[str, Any], rest: dict[str, Any]) -> bytes:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": metadata, **rest}
    return frame(Channel.STATUS, json.dumps(body).encode())
