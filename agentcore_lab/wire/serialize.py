"""From a handler's result, or its error, to the HTTP answer boto3 reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from agentcore_lab.wire.encode import Writer, json_writers, text_writer
from agentcore_lab.wire.models import error_status
from agentcore_lab.wire.shapes import Mismatch, kind, location, wire_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import Shape, StructureShape

    from agentcore_lab.errors import AwsError
    from agentcore_lab.wire.models import Operation

JSON: Final = "application/json"
_NO_CONTENT: Final = 204
_PAYLOAD_TYPES: Final = MappingProxyType({"blob": "application/octet-stream", "string": "text/plain"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """Where one member of a result goes, and how it is written there."""

    place: Literal["body", "header", "headers", "statusCode", "payload"]
    wire: str
    write: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the answers of one shape are written; ``content_type`` is None where there can be no body."""

    parts: Mapping[str, _Part]
    content_type: str | None


def serialize(operation: Operation, result: dict[str, Any]) -> Reply:
    """The answer to ``operation`` that boto3 reads back as ``result``.

    The status is the model's, unless the result holds the output's ``statusCode`` member. None members are left
    out.

    Raises:
        TypeError: the result has a member the output shape has not, or a value that is not of its type; or the
            output is an event stream, which has no such answer.
    """
    if operation.event_stream_output:
        raise TypeError(f"{operation.name} answers with events: use response_headers")
    plan = _output_plan(operation)
    written = _write(operation.name, plan, result)
    status = written.status or operation.success_status
    if status == _NO_CONTENT or plan.content_type is None:
        return Reply(status, written.headers, b"")
    headers = {"Content-Type": plan.content_type, **written.headers}
    if written.payload is not None:
        return Reply(status, headers, written.payload)
    return Reply(status, headers, _dump(written.body) if plan.content_type == JSON else b"")


def response_headers(operation: Operation, result: dict[str, Any]) -> dict[str, str]:
    """The headers of an answer whose body is pumped elsewhere; members of the body are passed over.

    Raises:
        TypeError: the result has a member the output shape has not, or a header of the wrong type.
    """
    plan = _output_plan(operation)
    in_body = {name for name, part in plan.parts.items() if part.place in ("payload", "body")}
    head = {name: value for name, value in result.items() if name not in in_body}
    return _write(operation.name, plan, head).headers


def serialize_error(operation: Operation | None, error: AwsError, request_id: str) -> Reply:
    """The answer boto3 raises as ``ClientError`` with the error's code; ``operation`` is None before routing.

    Raises:
        TypeError: the operation models this error, without a member it carries.
    """
    shape = operation.errors.get(error.code) if operation is not None else None
    members = {"message": error.message, **error.members}
    written = _Written() if shape is None else _write(error.code, _error_plan(shape), members)
    if shape is None:
        written.body = {name: value for name, value in members.items() if value is not None}
    return Reply(
        error_status(error.code, operation.service if operation is not None else None),
        {
            "Content-Type": JSON,
            "x-amzn-ErrorType": error.code,
            "x-amzn-RequestId": request_id,
            **error.headers,
            **written.headers,
        },
        _dump(written.body),
    )


class _Written:
    """The parts of an answer, as they are written."""

    __slots__ = ("body", "headers", "payload", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] = {}
        self.payload: bytes | None = None

    def put(self, part: _Part, value: Any) -> None:
        match part.place:
            case "body":
                self.body[part.wire] = part.write(value)
            case "header":
                self.headers[part.wire] = part.write(value)
            case "headers":
                self.headers.update({part.wire + name: text for name, text in part.write(value).items()})
            case "statusCode":
                self.status = part.write(value)
            case "payload":
                self.payload = part.write(value)


def _write(who: str, plan: _Plan, result: dict[str, Any]) -> _Written:
    written = _Written()
    for name, value in result.items():
        if name not in plan.parts:
            raise TypeError(f"{who} has no member {name}")
        if value is None:
            continue
        try:
            written.put(plan.parts[name], value)
        except Mismatch as mismatch:
            mismatch.path.append(name)
            raise TypeError(f"{who} at {mismatch.where}: {mismatch.expected}") from None
    return written


@cache
def _output_plan(operation: Operation) -> _Plan:
    shape = operation.model.output_shape
    return _Plan({}, None) if shape is None else _plan(shape)


@cache
def _error_plan(shape: StructureShape) -> _Plan:
    return _plan(shape)


def _plan(shape: StructureShape) -> _Plan:
    writers = json_writers()
    payload = shape.serialization.get("payload")
    parts = {name: _part(name, member, writers, payload) for name, member in shape.members.items()}
    if payload is None:
        return _Plan(parts, JSON)
    return _Plan(parts, _PAYLOAD_TYPES.get(kind(shape.members[payload]), JSON))


def _part(name: str, member: Shape, writers: Callable[[Shape], Writer], payload: str | None) -> _Part:
    wire = wire_name(member, name)
    if name == payload:
        return _Part("payload", wire, _payload_writer(member, writers))
    match location(member):
        case "header":
            return _Part("header", wire, text_writer(member))
        case "headers":
            return _Part("headers", wire, writers(member))
        case "statusCode":
            return _Part("statusCode", wire, writers(member))
        case _:
            return _Part("body", wire, writers(member))


def _payload_writer(member: Shape, writers: Callable[[Shape], Writer]) -> Writer:
    match kind(member):
        case "blob":
            return bytes
        case "string":
            return lambda value: str(value).encode()
        case _:
            write = writers(member)
            return lambda value: _dump(write(value))


def _dump(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half a surrogate pair, which a container's log or a document may hold, has no UTF-8.
    return text.encode("utf-8", "replace")
