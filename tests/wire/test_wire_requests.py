"""Requests: what botocore sends is what the engine reads, for every operation."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from agentcore_lab.wire.models import Operation, load_model_operations, load_operations
from agentcore_lab.wire.parse import parse, parse_head
from agentcore_lab.wire.router import Router
from agentcore_lab.wire.validate import validate

OPERATIONS = (*load_operations(), *load_model_operations())
ROUTER = Router(OPERATIONS)

FULLNESS = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)


def content_type_sent(operation: Operation, headers: dict[str, str]) -> dict[str, str]:
    """The Content-Type member, where an operation has one: botocore sends the header with every JSON body."""
    shape: Any = operation.model.input_shape
    named = [
        name for name, member in shape.members.items() if member.serialization.get("name") == "Content-Type"
    ]
    return {name: headers["Content-Type"] for name in named if "Content-Type" in headers}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_reads_what_botocore_sends(
    operation: Operation, sample: Callable[..., Any], boto_request: Callable[..., Any]
) -> None:
    """Params that botocore serialises are routed, parsed and found valid, and come out equal."""
    for turn, fullness in enumerate(FULLNESS):
        random = Random(f"{operation.name} {turn}")
        params = sample(operation.model.input_shape, random, fullness)
        method, path, query, headers, body = boto_request(operation, params)
        match = ROUTER.match(method, path)
        assert match is not None
        assert match.operation is operation
        parsed = parse(match, query, headers, body)
        # A body of bytes that is left out is one of no bytes.
        shape: Any = operation.model.input_shape
        payload = {shape.serialization["payload"]: b""} if operation.streams_request else {}
        assert parsed == payload | content_type_sent(operation, headers) | params
        validate(operation, parsed)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_head_is_the_request_without_its_body(
    operation: Operation, sample: Callable[..., Any], boto_request: Callable[..., Any]
) -> None:
    """parse_head reads exactly the members that do not travel in the body."""
    shape: Any = operation.model.input_shape
    params = sample(shape, Random(operation.name), 1.0)
    method, path, query, headers, _ = boto_request(operation, params)
    match = ROUTER.match(method, path)
    assert match is not None
    in_head = {name for name, member in shape.members.items() if member.serialization.get("location")}
    expected = {name: value for name, value in params.items() if name in in_head}
    assert parse_head(match, query, headers) == content_type_sent(operation, headers) | expected


def test_streamed_payload_is_not_needed_to_validate_the_head() -> None:
    """The head of an InvokeAgentRuntime is valid before a byte of its payload has been read."""
    arn = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/my-AAAAAAAAAA"
    match = ROUTER.match("POST", f"/runtimes/{arn}/invocations")
    assert match is not None
    assert match.operation.streams_request
    params = parse_head(match, "qualifier=DEFAULT", {"content-type": "text/plain"})
    assert params == {"agentRuntimeArn": arn, "qualifier": "DEFAULT", "contentType": "text/plain"}
    validate(match.operation, params)
