"""From an HTTP request to the parameters boto3 was called with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import parse_qsl

from agentcore_lab.errors import ValidationException
from agentcore_lab.wire.failures import Failure, rejection
from agentcore_lab.wire.header_text import readable
from agentcore_lab.wire.request_plan import RequestPlan, request_plan
from agentcore_lab.wire.shapes import Mismatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_lab.wire.router import Match


def parse(match: Match, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The parameters of a request whose body is in memory.

    ``query`` is the raw query string, without ``?``; header names may come in any case.

    Raises:
        ValidationException: the body is not JSON of the right form (CannotParse), or a member is not of its type
            (FieldValidationFailed, the member named).
    """
    plan = request_plan(match.operation)
    params = parse_head(match, query, headers)
    try:
        _read_body(plan, body, params)
    except Mismatch as mismatch:
        raise _mistyped(mismatch) from None
    return params


def parse_head(match: Match, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that path, query and headers carry: all there are before a streamed body.

    Raises:
        ValidationException: a member is not of its type (FieldValidationFailed, the member named).
    """
    plan = request_plan(match.operation)
    params: dict[str, Any] = {}
    try:
        for member in plan.labels:
            member.put(params, match.labels[member.wire])
        if query and (plan.query or plan.query_maps):
            _read_query(plan, query, params)
        if plan.headers or plan.header_maps:
            _read_headers(plan, headers, params)
    except Mismatch as mismatch:
        raise _mistyped(mismatch) from None
    return params


def _read_query(plan: RequestPlan, query: str, params: dict[str, Any]) -> None:
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    for member in plan.query:
        if values := given.pop(member.wire, None):
            member.put(params, values)
    for member in plan.query_maps:
        member.put(params, given)


def _read_headers(plan: RequestPlan, headers: Mapping[str, str], params: dict[str, Any]) -> None:
    given: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        said = readable(value)
        given[lower] = f"{given[lower]},{said}" if lower in given else said
    for member in plan.headers:
        if (text := given.get(member.wire)) is not None:
            member.put(params, text)
    for member in plan.header_maps:
        start = len(member.wire)
        found = {name[start:]: value for name, value in given.items() if name.startswith(member.wire)}
        if found:
            member.put(params, found)


def _read_body(plan: RequestPlan, body: bytes, params: dict[str, Any]) -> None:
    payload = plan.payload
    if payload is None:
        if plan.body is not None and body and not body.isspace():
            params.update(plan.body(_object(_json(body))))
    elif payload.kind == "bytes":
        payload.put(params, body)
    elif payload.kind == "text":
        payload.put(params, _text(body))
    elif body and not body.isspace():
        value = _json(body)
        payload.put(params, value if payload.kind == "document" else _object(value))


def _json(body: bytes) -> Any:
    text = _text(body)
    try:
        value = _DECODER.decode(text)
        if "\\ud" in text.lower():  # an escaped half of a surrogate pair makes a string nobody can write
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _cannot_parse(f"it is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}")
    except RecursionError:
        _cannot_parse("it is nested too deeply")
    except ValueError:
        _cannot_parse("it holds a number or a character that cannot be read")
    return value


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        _cannot_parse("it is not valid UTF-8")


def _object(value: Any) -> Any:
    if type(value) is not dict:
        _cannot_parse("it must be a JSON object")
    return value


def _cannot_parse(why: str) -> NoReturn:
    raise ValidationException(f"The request body could not be read: {why}", reason="CannotParse")


def _mistyped(mismatch: Mismatch) -> ValidationException:
    return rejection([Failure(mismatch.where, f"Member must be {mismatch.expected}")])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Python's JSON would take NaN and Infinity, which JSON has not.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
