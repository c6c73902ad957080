"""What each server protocol expects of a container (AWS: runtime-http/-mcp/-a2a/-agui-protocol-contract)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Protocol:
    """Where a container listens. ``ping`` is None where the contract has no health route.

    ``json_rpc``: its clients read errors as JSON-RPC.
    """

    name: str
    port: int
    path: str
    ping: str | None
    json_rpc: bool = False


_PROTOCOLS = {
    "HTTP": Protocol("HTTP", 8080, "/invocations", "/ping"),
    "MCP": Protocol("MCP", 8000, "/mcp", None, json_rpc=True),
    "A2A": Protocol("A2A", 9000, "/", "/ping", json_rpc=True),
    "AGUI": Protocol("AGUI", 8080, "/invocations", "/ping"),
}


def protocol_of(spec: Mapping[str, Any]) -> Protocol:
    """The protocol of a version, with its port and path where the caller set them; HTTP when left out."""
    configuration = spec.get("protocolConfiguration") or {}
    base = _PROTOCOLS[configuration.get("serverProtocol", "HTTP")]
    return Protocol(
        base.name,
        configuration.get("port", base.port),
        configuration.get("path", base.path),
        base.ping,
        base.json_rpc,
    )
