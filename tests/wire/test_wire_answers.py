"""Answers and errors: what the engine writes is what botocore reads, for every operation."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from agentcore_lab.errors import (
    AwsError,
    InternalServerException,
    InvalidField,
    NotImplementedException,
    ValidationException,
)
from agentcore_lab.wire.models import Operation, load_model_operations, load_operations, operations_of
from agentcore_lab.wire.request_id import new_request_id
from agentcore_lab.wire.serialize import Reply, response_headers, serialize, serialize_error

OPERATIONS = (*load_operations(), *load_model_operations())
EVENTS = [operation for operation in OPERATIONS if operation.event_stream_output]
PLAIN = [operation for operation in OPERATIONS if not operation.event_stream_output]
ERRORS = [(operation, code) for operation in OPERATIONS for code in operation.errors]
BY_NAME = {operation.name: operation for operation in OPERATIONS}
MOMENT = datetime(2025, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
PARSER = create_parser("rest-json")


def read(reply: Reply, shape: Any) -> dict[str, Any]:
    """What botocore makes of an answer."""
    headers = HeadersDict(reply.headers)
    answer: dict[str, Any] = {"status_code": reply.status, "headers": headers, "body": reply.body}
    payload = shape.serialization.get("payload") if shape is not None else None
    # As botocore's endpoint: what is a blob is read later, whether the model says "streaming" or not.
    streaming = payload is not None and shape.members[payload].type_name == "blob"
    if streaming and reply.status < 300:
        answer["body"] = BytesIO(reply.body)
    parsed = dict(PARSER.parse(answer, shape))
    if isinstance(answer["body"], BytesIO):
        parsed[payload] = parsed[payload].read()
    return parsed


def without_metadata(parsed: dict[str, Any]) -> dict[str, Any]:
    """The members alone."""
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("operation", PLAIN, ids=lambda operation: operation.name)
def test_botocore_reads_what_is_written(operation: Operation, sample: Callable[..., Any]) -> None:
    """A result of any shape comes back from botocore's parser as it was, with the model's status."""
    shape: Any = operation.model.output_shape
    for turn, fullness in enumerate((0.0, 0.4, 0.7, 1.0)):
        result = sample(shape, Random(f"{operation.name} {turn}"), fullness)
        if operation.success_status == 204:
            assert serialize(operation, result) == Reply(204, {}, b"")
            continue
        reply = serialize(operation, result)
        assert reply.status == operation.success_status
        assert without_metadata(read(reply, shape)) == always_there(operation, reply) | result


def always_there(operation: Operation, reply: Reply) -> dict[str, Any]:
    """The members that any HTTP answer fills: the status, the Content-Type, the bytes of a stream."""
    shape: Any = operation.model.output_shape
    there: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") == "statusCode":
            there[name] = reply.status
        elif member.serialization.get("name") == "Content-Type":
            there[name] = reply.headers["Content-Type"]
        elif name == shape.serialization.get("payload") and member.type_name == "blob":
            there[name] = b""
    return there


@pytest.mark.parametrize("operation", EVENTS, ids=lambda operation: operation.name)
def test_headers_of_event_streams(operation: Operation, sample: Callable[..., Any]) -> None:
    """An event stream's headers carry the output's header members, and there is no other way to answer it."""
    shape: Any = operation.model.output_shape
    header_members = {
        name: member
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    }
    random = Random(operation.name)
    result = {name: sample(member, random) for name, member in header_members.items()}
    headers = response_headers(operation, {**result, shape.serialization["payload"]: object()})
    assert headers == {member.serialization["name"]: result[name] for name, member in header_members.items()}
    with pytest.raises(TypeError, match="answers with events"):
        serialize(operation, result)


def test_headers_of_a_pumped_answer() -> None:
    """InvokeAgentRuntime's headers are written without touching its body; its status is no header."""
    headers = response_headers(
        BY_NAME["InvokeAgentRuntime"],
        {
            "runtimeSessionId": "s" * 33,
            "contentType": "text/event-stream",
            "traceId": None,
            "statusCode": 200,
        },
    )
    assert headers == {
        "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "s" * 33,
        "Content-Type": "text/event-stream",
    }


def test_status_member_sets_the_status() -> None:
    """A result's statusCode member is the answer's HTTP status and no part of its body."""
    reply = serialize(BY_NAME["StopRuntimeSession"], {"statusCode": 202})
    assert (reply.status, reply.body) == (202, b"{}")


@pytest.mark.parametrize(
    ("name", "result", "words"),
    [
        ("ListAgentRuntimes", {"runtimes": []}, "ListAgentRuntimes has no member runtimes"),
        ("ListAgentRuntimes", {"agentRuntimes": [{"nom": "x"}]}, "at agentRuntimes.0.nom: no member"),
        ("ListAgentRuntimes", {"agentRuntimes": [{"agentRuntimeName": 1}]}, "agentRuntimeName: a string"),
        ("ListAgentRuntimes", {"agentRuntimes": {}}, "agentRuntimes: a list"),
        (
            "CreateAgentRuntime",
            {"createdAt": datetime(2025, 1, 2)},  # noqa: DTZ001 - the fault under test
            "createdAt: a timestamp, but a moment without a time zone",
        ),
        ("StopRuntimeSession", {"runtimeSessionId": "a\r\nSet-Cookie: b"}, "can stand in a header"),
    ],
)
def test_wrong_results_are_refused(name: str, result: dict[str, Any], words: str) -> None:
    """A result that does not fit the output shape is a fault of the program, named with its place."""
    with pytest.raises(TypeError, match=words):
        serialize(BY_NAME[name], result)


def test_none_is_left_out() -> None:
    """Members that are None are not sent, at any depth."""
    result = {"agentRuntimes": [{"agentRuntimeName": "a", "description": None}], "nextToken": None}
    assert serialize(BY_NAME["ListAgentRuntimes"], result).body == (
        b'{"agentRuntimes":[{"agentRuntimeName":"a"}]}'
    )


def test_every_place_and_form(sink: ServiceModel) -> None:
    """Headers, header maps, the status and bodies of every type are read back by botocore as they were given."""
    result = {
        "When": MOMENT.replace(microsecond=0),
        "Count": 2**40,
        "On": True,
        "Names": ["a", "b"],
        "Meta": {"one": "1"},
        "Status": 299,
        "Renamed": "ä",
        "Blobs": [b"", b"\x00\xff"],
        "Moments": {"Plain": MOMENT, "Iso": MOMENT, "Rfc": MOMENT.replace(microsecond=0)},
        "Node": {"Next": {"Value": "aa"}},
        "Ratio": 0.5,
    }
    operation = operations_of(sink)[0]
    reply = serialize(operation, result)
    parsed = without_metadata(read(reply, operation.model.output_shape))
    assert parsed == result
    assert reply.headers["X-When"] == "Thu, 02 Jan 2025 03:04:05 GMT"
    assert json.loads(reply.body)["Moments"] == {
        "Plain": 1735787045.123456,
        "Iso": "2025-01-02T03:04:05.123456Z",
        "Rfc": "Thu, 02 Jan 2025 03:04:05 GMT",
    }


@pytest.mark.parametrize(
    ("kind", "value", "content_type", "body"),
    [
        ("Blob", b"\x00\xff", "application/octet-stream", b"\x00\xff"),
        ("String", "ä", "text/plain", b"\xc3\xa4"),
        ("Doc", [1, {"a": None}], "application/json", b'[1,{"a":null}]'),
        ("Doc", [], "application/json", b"[]"),
    ],
)
def test_payload_kinds(sink: ServiceModel, kind: str, value: Any, content_type: str, body: bytes) -> None:
    """A payload member is the whole body, with the media type of its kind."""
    operation = next(item for item in operations_of(sink) if item.name == f"Put{kind}")
    assert serialize(operation, {"Data": value}) == Reply(200, {"Content-Type": content_type}, body)


def test_numbers_json_has_not(sink: ServiceModel) -> None:
    """Infinity and not-a-number travel as AWS's strings."""
    bodies = [
        serialize(operations_of(sink)[0], {"Ratio": float(name)}).body for name in ("nan", "inf", "-inf")
    ]
    assert bodies == [b'{"Ratio":"NaN"}', b'{"Ratio":"Infinity"}', b'{"Ratio":"-Infinity"}']


@pytest.mark.parametrize(("operation", "code"), ERRORS, ids=lambda item: getattr(item, "name", item))
def test_botocore_reads_modelled_errors(operation: Operation, code: str, sample: Callable[..., Any]) -> None:
    """Every error an operation models arrives with its code, status, message, members and request id."""
    shape = operation.errors[code]
    members = sample(shape, Random(code), 1.0) | {"message": "ä message"}
    error = type(code, (AwsError,), {"code": code})(members.pop("message"), **members)
    request_id = new_request_id()
    reply = serialize_error(operation, error, request_id)
    parsed = read(reply, operation.model.output_shape)
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"]["Message"] == "ä message"
    assert parsed["ResponseMetadata"]["RequestId"] == request_id
    assert reply.status == shape.metadata["error"]["httpStatusCode"]
    service: Any = operation.model.service_model
    modelled = service.shape_for_error_code(code)
    assert without_metadata(read(reply, modelled)) == {"message": "ä message"} | members


def test_validation_exception_has_reason_and_fields() -> None:
    """A ValidationException's body is AWS's: message, reason and fieldList."""
    error = ValidationException("no", fields=(InvalidField("a.b", "too long"),))
    reply = serialize_error(BY_NAME["CreateAgentRuntime"], error, "id")
    assert reply == Reply(
        400,
        {
            "Content-Type": "application/json",
            "x-amzn-ErrorType": "ValidationException",
            "x-amzn-RequestId": "id",
        },
        b'{"message":"no","reason":"FieldValidationFailed","fieldList":[{"name":"a.b","message":"too long"}]}',
    )


def test_errors_outside_the_model() -> None:
    """An error no model has, or one before there is an operation, still has its status and its message."""
    reply = serialize_error(BY_NAME["CreateMemory"], NotImplementedException("not yet"), "id")
    assert (reply.status, reply.body) == (501, b'{"message":"not yet"}')
    reply = serialize_error(None, InternalServerException("\ud800 log"), "id")
    assert (reply.status, reply.body) == (500, b'{"message":"? log"}')
