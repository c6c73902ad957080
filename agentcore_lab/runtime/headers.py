"""Which headers cross between a caller and a container (CONTRACT: sections 4.1, 12.2, 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SESSION_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
REQUEST_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id"
CUSTOM_PREFIX = "x-amzn-bedrock-agentcore-runtime-custom-"

_TO_CONTAINER = (
    "content-type",
    "accept",
    "x-amzn-trace-id",
    "traceparent",
    "tracestate",
    "baggage",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
)

FROM_CONTAINER = {
    "mcp-session-id": "mcpSessionId",
    "mcp-protocol-version": "mcpProtocolVersion",
    "x-amzn-trace-id": "traceId",
    "traceparent": "traceParent",
    "tracestate": "traceState",
    "baggage": "baggage",
}
"""Container header → output member of InvokeAgentRuntime; every other container header is dropped."""


def to_container(
    headers: Mapping[str, str], allowlist: Iterable[str], session_id: str, request_id: str
) -> dict[str, str]:
    """The headers the container gets: what the contract names, what the version's allow-list names, the ids.

    ``headers`` must look names up without regard to case.
    """
    allowed = {name.lower() for name in allowlist}
    passed = {
        name: value
        for name, value in headers.items()
        if name.lower() in _TO_CONTAINER or name.lower() in allowed or name.lower().startswith(CUSTOM_PREFIX)
    }
    return {**passed, SESSION_ID: session_id, REQUEST_ID: request_id}
