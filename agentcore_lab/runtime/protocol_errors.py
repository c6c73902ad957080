"""How each server protocol tells its clients of an error (AWS: runtime-mcp/-a2a/-agui-protocol-contract).

HTTP has AWS's own form. MCP and A2A clients read JSON-RPC errors, AG-UI clients an event; AWS's sentence comes first
everywhere, what happened here second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.jsonrpc import RpcHead


@dataclass(frozen=True, slots=True)
class Envelope:
    """An error as the clients of one protocol read it."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    status: int
    code: int | str
    message: str


_OTHER = "other"

_MCP: Mapping[str, _Row] = MappingProxyType(
    {
        "UnauthorizedException": _Row(401, -32001, "Authentication error - Invalid credentials"),
        "AccessDeniedException": _Row(403, -32002, "Authorization error - Insufficient permissions"),
        "ThrottlingException": _Row(200, -32003, "Rate limit exceeded - Too many requests"),
        "ServiceQuotaExceededException": _Row(200, -32003, "Rate limit exceeded - Too many requests"),
        "ResourceNotFoundException": _Row(
            200, -32004, "Resource not found - Requested resource does not exist"
        ),
        "McpSessionNotFound": _Row(404, -32004, "Resource not found - Requested resource does not exist"),
        "ConflictException": _Row(200, -32005, "Resource conflict - Resource already exists"),
        "RetryableConflictException": _Row(200, -32005, "Session operation in progress, please retry"),
        "ValidationException": _Row(200, -32006, "Validation error - Invalid request data"),
        "RuntimeClientError": _Row(
            200,
            -32010,
            "Tool execution error - Please check your CloudWatch logs for more information",
        ),
        "McpRequestUnacceptable": _Row(
            406,
            -32011,
            "Accept Header Error - MCP protocol requires Accept header: application/json, text/event-stream",
        ),
        _OTHER: _Row(200, -32603, "Internal error - Server error"),
    }
)

_A2A: Mapping[str, _Row] = MappingProxyType(
    {
        "ResourceNotFoundException": _Row(
            404, -32051, "Resource not found - Requested resource does not exist"
        ),
        "ValidationException": _Row(400, -32052, "Validation error - Invalid request data"),
        "ThrottlingException": _Row(429, -32053, "Rate limit exceeded - Too many requests"),
        "ServiceQuotaExceededException": _Row(429, -32053, "Rate limit exceeded - Too many requests"),
        "ConflictException": _Row(409, -32054, "Resource conflict - Resource already exists"),
        "RetryableConflictException": _Row(409, -32054, "Session operation in progress, please retry"),
        "RuntimeClientError": _Row(
            424,
            -32055,
            "Runtime client error - Please check your CloudWatch logs for more information",
        ),
        _OTHER: _Row(
            500, -32603, "Internal error - An unexpected error occurred while processing the request"
        ),
    }
)

_AGUI: Mapping[str, _Row] = MappingProxyType(
    {
        "UnauthorizedException": _Row(401, "UNAUTHORIZED", "Authentication failed"),
        "AccessDeniedException": _Row(403, "ACCESS_DENIED", "Access denied"),
        "ValidationException": _Row(400, "VALIDATION_ERROR", "Invalid request data"),
        "ThrottlingException": _Row(429, "RATE_LIMIT_EXCEEDED", "Too many requests"),
        "RetryableConflictException": _Row(
            409, "SESSION_BUSY", "Session operation in progress, please retry"
        ),
        "ConflictException": _Row(409, "SESSION_BUSY", "Session operation in progress, please retry"),
        "ServiceQuotaExceededException": _Row(429, "SERVICE_QUOTA_EXCEEDED", "Service quota exceeded"),
        "RuntimeClientError": _Row(
            200, "AGENT_ERROR", "Agent code failed during execution – check your CloudWatch logs"
        ),
        "InternalServerException": _Row(500, "INTERNAL_ERROR", "An internal error occurred"),
    }
)
"""A runtime that does not exist has no protocol: its 404 is AWS's own."""

_A2A_PLAIN = frozenset({"AccessDeniedException", "UnauthorizedException"})
"""AWS answers these to A2A clients as it does to all others."""


def enveloped(protocol: str, error: AwsError, head: RpcHead) -> Envelope | None:
    """``error`` as the clients of ``protocol`` read it; None where that is AWS's own form."""
    form = _FORMS.get(protocol)
    return form(error, head) if form is not None else None


def _mcp(error: AwsError, head: RpcHead) -> Envelope | None:
    return _json_rpc(_MCP.get(error.code, _MCP[_OTHER]), error, head)


def _a2a(error: AwsError, head: RpcHead) -> Envelope | None:
    if error.code in _A2A_PLAIN:
        return None
    return _json_rpc(_A2A.get(error.code, _A2A[_OTHER]), error, head)


def _agui(error: AwsError, _head: RpcHead) -> Envelope | None:
    row = _AGUI.get(error.code)
    if row is None:
        return None
    event = {"type": "RUN_ERROR", "code": row.code, "message": _both(row, error)}
    return Envelope(row.status, "text/event-stream", b"data: " + _dump(event) + b"\n\n")


def _json_rpc(row: _Row, error: AwsError, head: RpcHead) -> Envelope:
    failure = {"code": row.code, "message": row.message, "data": {"detail": error.message}}
    body = {"jsonrpc": "2.0", "id": head.id, "error": failure}
    return Envelope(row.status, "application/json", _dump(body))


def _both(row: _Row, error: AwsError) -> str:
    return row.message if error.message == row.message else f"{row.message}\n{error.message}"


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


_FORMS: Mapping[str, Callable[[AwsError, RpcHead], Envelope | None]] = MappingProxyType(
    {"MCP": _mcp, "A2A": _a2a, "AGUI": _agui}
)
