"""Which headers cross between a caller and a container (CONTRACT: sections 4.1, 12.2, 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentcore_lab.errors import AwsError, InvalidField, ValidationException
from agentcore_lab.runtime.limits import MAX_HEADER_VALUE_BYTES

SESSION_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
REQUEST_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id"
MCP_SESSION_ID = "Mcp-Session-Id"
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


class McpRequestUnacceptable(AwsError):  # noqa: N818 - AWS's name
    """An MCP client does not accept both forms an MCP server may answer in (HTTP 406)."""

    code = "McpRequestUnacceptable"


def accepts_mcp(accept: str | None) -> bool:
    """Whether a client accepts JSON and event streams, as the MCP specification has it do."""
    ranges = {part.partition(";")[0].strip().lower() for part in (accept or "").split(",")}
    return "*/*" in ranges or {"application/json", "text/event-stream"} <= ranges


def to_container(
    headers: Mapping[str, str], allowlist: Iterable[str], session_id: str, request_id: str
) -> dict[str, str]:
    """The headers the container gets: what the contract names, what the version's allow-list names, the ids.

    ``headers`` must look names up without regard to case.

    Raises:
        ValidationException: a header of the allow-list is longer than AWS passes on.
    """
    allowed = {name.lower() for name in allowlist}
    passed = {
        name: value
        for name, value in headers.items()
        if name.lower() in _TO_CONTAINER or name.lower() in allowed or name.lower().startswith(CUSTOM_PREFIX)
    }
    for name, value in passed.items():
        if name.lower() in allowed and len(value.encode("utf-8", "surrogateescape")) > MAX_HEADER_VALUE_BYTES:
            message = f"Header '{name}' has more than {MAX_HEADER_VALUE_BYTES} bytes"
            raise ValidationException(message, fields=(InvalidField(name, message),))
    return {**passed, SESSION_ID: session_id, REQUEST_ID: request_id}
