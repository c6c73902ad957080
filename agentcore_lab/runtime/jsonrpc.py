"""The little of a JSON-RPC request that the platform itself looks at: which method, and the id an error must carry."""

from __future__ import annotations

from dataclasses import dataclass

from agentcore_lab.json_text import read_json

PEEK_BYTES = 64 * 1024
"""How much of a request is looked at; one that is longer is passed on unread."""


@dataclass(frozen=True, slots=True)
class RpcHead:
    """The method and id of a request; both None for a notification's id, a batch, or what is no JSON-RPC."""

    method: str | None = None
    id: str | int | float | None = None


def head_of(body: bytes) -> RpcHead:
    """What a whole request says of itself; nothing if it is cut off or no JSON-RPC."""
    try:
        request = read_json(body)
    except ValueError:
        return RpcHead()
    if not isinstance(request, dict):
        return RpcHead()
    method, number = request.get("method"), request.get("id")
    known = isinstance(number, str | int | float) and not isinstance(number, bool)
    return RpcHead(method if isinstance(method, str) else None, number if known else None)
