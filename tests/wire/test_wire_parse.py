"""Parsing: every place and every form a value can have, and a clean refusal of what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from botocore.model import ServiceModel

from agentcore_lab.errors import ValidationException
from agentcore_lab.wire.models import load_operations, operations_of
from agentcore_lab.wire.parse import parse, parse_head
from agentcore_lab.wire.router import Match, Router
from agentcore_lab.wire.validate import validate

OPERATIONS = load_operations()
ROUTER = Router(OPERATIONS)
MOMENT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)

EVERYTHING = {
    "Id": 7,
    "Since": MOMENT,
    "Ratio": 0.25,
    "Flags": [True, False],
    "Rest": {"more": "1 2", "k": "ä&="},
    "When": MOMENT,
    "Count": 2**40,
    "On": False,
    "Names": ["a", "b c"],
    "Meta": {"one": "1", "two-x": "2"},
    "Renamed": "value",
    "Blobs": [b"", b"\x00\xff"],
    "Moments": {"Plain": MOMENT, "Iso": MOMENT, "Rfc": MOMENT},
    "Node": {"Value": "aa", "Next": {"Next": {"Value": "bb"}}},
    "Choice": {"b": 0},
}


def everything(sink: ServiceModel, path: str = "/everything/7") -> Match:
    """A match of the kitchen sink's one operation."""
    match = Router(operations_of(sink)).match("POST", path)
    assert match is not None
    return match


def create(body: Any) -> dict[str, Any]:
    """The parameters of a CreateAgentRuntime with this body."""
    match = ROUTER.match("PUT", "/runtimes/")
    assert match is not None
    return parse(match, "", {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_every_place_and_form(sink: ServiceModel, boto_request: Callable[..., Any]) -> None:
    """Labels, queries, headers, header maps and bodies of every type come back as botocore was given them."""
    operation = operations_of(sink)[0]
    _, path, query, headers, body = boto_request(operation, EVERYTHING)
    parsed = parse(everything(sink, path), query, headers, body)
    rest = parsed.pop("Rest")
    assert parsed == {name: value for name, value in EVERYTHING.items() if name != "Rest"}
    assert rest == EVERYTHING["Rest"]


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("Blob", b"\x00\xff", b"\x00\xff"),
        ("Blob", b"", b""),
        ("String", "ä".encode(), "ä"),
        ("Doc", b'[1, {"a": null}]', [1, {"a": None}]),
    ],
)
def test_payload_kinds(sink: ServiceModel, kind: str, body: bytes, value: Any) -> None:
    """A payload member is the whole body: bytes and text as they are, a document as any JSON."""
    match = Router(operations_of(sink)).match("PUT", f"/{kind}")
    assert match is not None
    assert parse(match, "", {}, body) == {"Data": value}


@pytest.mark.parametrize(
    "spelling",
    [
        1735787045,
        1735787045.0,
        "1735787045",
        "2025-01-02T03:04:05Z",
        "2025-01-02T04:04:05+01:00",
        "2025-01-02T03:04:05",
        "2025-01-02T03:04:05.000000Z",
        "Thu, 02 Jan 2025 03:04:05 GMT",
    ],
)
@pytest.mark.parametrize("member", ["Plain", "Iso", "Rfc"])
def test_timestamps_in_any_form(sink: ServiceModel, member: str, spelling: Any) -> None:
    """A timestamp is read in any of AWS's forms, whichever its member is marked with, and is aware, in UTC."""
    body = json.dumps({"Moments": {member: spelling}}).encode()
    moment = parse(everything(sink), "", {}, body)["Moments"][member]
    assert moment == MOMENT
    assert moment.utcoffset() == timedelta()


def test_header_names_in_any_case_and_repeated(sink: ServiceModel) -> None:
    """Header names have no case, and a header sent twice is one list."""
    headers = {"x-names": "a, b", "X-NAMES": "c", "X-COUNT": "3", "x-meta-A": "1"}
    assert parse_head(everything(sink), "", headers) == {
        "Id": 7,
        "Names": ["a", "b", "c"],
        "Count": 3,
        "Meta": {"a": "1"},
    }


def test_unknown_members_and_nulls_are_absent() -> None:
    """Members no shape has are ignored, and a null is as good as nothing, at any depth."""
    body = {
        "agentRuntimeName": None,
        "new": 1,
        "networkConfiguration": {"networkMode": "VPC", "x": 1, "y": None},
    }
    assert create(body) == {"networkConfiguration": {"networkMode": "VPC"}}


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}"])
def test_no_body_is_an_empty_object(body: bytes) -> None:
    """No body at all is no members, not an error."""
    assert create(body) == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "it is not valid JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        (b"[1]", "it must be a JSON object"),
        (b"null", "it must be a JSON object"),
        (b'"text"', "it must be a JSON object"),
        (b"\xff{}", "it is not valid UTF-8"),
        (b'{"description": NaN}', "it holds a number or a character that cannot be read"),
        (b'{"x": ' + b"9" * 5000 + b"}", "it holds a number or a character that cannot be read"),
        (b'{"description": "\\ud800"}', "it holds a number or a character that cannot be read"),
        (b'{"x":' + b"[" * 200_000, "it is nested too deeply"),
    ],
)
def test_unreadable_bodies(body: bytes, why: str) -> None:
    """A body that is no JSON object is refused as CannotParse, and says why."""
    with pytest.raises(ValidationException) as caught:
        create(body)
    assert caught.value.reason == "CannotParse"
    assert caught.value.message == f"The request body could not be read: {why}"


def test_surrogate_pairs_are_characters() -> None:
    """An escaped pair of surrogates is the character it stands for."""
    assert create(b'{"description": "\\ud83e\\udd9c"}') == {"description": "🦜"}


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        ({"agentRuntimeName": 1}, "agentRuntimeName", "a string"),
        ({"networkConfiguration": "PUBLIC"}, "networkConfiguration", "an object"),
        ({"networkConfiguration": {"networkMode": []}}, "networkConfiguration.networkMode", "a string"),
        (
            {"lifecycleConfiguration": {"maxLifetime": "60"}},
            "lifecycleConfiguration.maxLifetime",
            "an integer",
        ),
        (
            {"lifecycleConfiguration": {"maxLifetime": True}},
            "lifecycleConfiguration.maxLifetime",
            "an integer",
        ),
        (
            {"lifecycleConfiguration": {"maxLifetime": 2**31}},
            "lifecycleConfiguration.maxLifetime",
            "an integer of 32 bits",
        ),
        ({"environmentVariables": {"a": "1", "b": 2}}, "environmentVariables.2.member", "a string"),
        ({"environmentVariables": ["a"]}, "environmentVariables", "an object"),
        ({"filesystemConfigurations": {}}, "filesystemConfigurations", "a list"),
        (
            {"filesystemConfigurations": [{}, {"sessionStorage": {"mountPath": 1}}]},
            "filesystemConfigurations.2.member.sessionStorage.mountPath",
            "a string",
        ),
    ],
)
def test_wrong_types(body: dict[str, Any], path: str, expected: str) -> None:
    """A value of another JSON type is refused with the member's path, and the value itself is not shown."""
    with pytest.raises(ValidationException) as caught:
        create(body)
    assert caught.value.reason == "FieldValidationFailed"
    assert [(field.name, field.message) for field in caught.value.fields] == [
        (path, f"Member must be {expected}")
    ]
    assert caught.value.message == (
        f"1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must be {expected}"
    )


@pytest.mark.parametrize(
    ("path", "query", "headers", "body", "member", "expected"),
    [
        ("x", "", {}, b"", "Id", "an integer"),
        ("1_0", "", {}, b"", "Id", "an integer"),
        (str(2**31), "", {}, b"", "Id", "an integer of 32 bits"),
        ("7", "since=soon", {}, b"", "Since", "a timestamp"),
        ("7", "ratio=1x", {}, b"", "Ratio", "a number"),
        ("7", "flag=true&flag=yes", {}, b"", "Flags", "true or false"),
        ("7", "", {"X-On": "TRUE"}, b"", "On", "true or false"),
        ("7", "", {"X-When": "99999999999999"}, b"", "When", "a timestamp"),
        ("7", "", {}, b'{"Blobs": ["AA==", "A"]}', "Blobs.2.member", "a base64-encoded string"),
        ("7", "", {}, b'{"Blobs": ["AA!=="]}', "Blobs.1.member", "a base64-encoded string"),
        ("7", "", {}, b'{"Blobs": [7]}', "Blobs.1.member", "a base64-encoded string"),
        ("7", "", {}, b'{"Moments": {"Iso": true}}', "Moments.Iso", "a timestamp"),
        ("7", "", {}, b'{"Moments": {"Iso": 1e300}}', "Moments.Iso", "a timestamp"),
        ("7", "", {}, b'{"Node": {"Next": {"Next": 1}}}', "Node.Next.Next", "an object"),
        ("7", "", {}, b'{"Limits": {"Real": "1"}}', "Limits.Real", "a number"),
    ],
)
def test_wrong_text(
    sink: ServiceModel,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    member: str,
    expected: str,
) -> None:
    """Text in labels, queries and headers that is not of its type is refused with the member named."""
    with pytest.raises(ValidationException) as caught:
        parse(everything(sink, f"/everything/{path}"), query, headers, body)
    assert [(field.name, field.message) for field in caught.value.fields] == [
        (member, f"Member must be {expected}")
    ]


def test_sensitive_map_keys_are_not_named(sink: ServiceModel) -> None:
    """What is wrong inside a map is found by its number: its keys may be secret."""
    with pytest.raises(ValidationException) as caught:
        parse(everything(sink), "", {}, b'{"Secrets": {"passwd": 1}}')
    assert "passwd" not in caught.value.message


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_nothing_but_a_validation_exception(
    operation: Any, sample: Callable[..., Any], boto_request: Callable[..., Any]
) -> None:
    """Whatever stands in the place of any value, the request is read or refused: there is no third way."""
    random = Random(operation.name)
    params = sample(operation.model.input_shape, random, 0.6)
    method, path, query, headers, body = boto_request(operation, params)
    match = ROUTER.match(method, path)
    assert match is not None
    for _ in range(8):
        spoiled = body if operation.streams_request or not body else spoil(json.loads(body), random)
        try:
            validate(operation, parse(match, query, headers, spoiled))
        except ValidationException as error:
            assert error.fields or error.reason == "CannotParse"  # noqa: PT017 - either outcome is right


def spoil(value: Any, random: Random) -> bytes:
    """``value`` as JSON, with one thing in it replaced by something else."""
    strange: Any = random.choice(
        [None, True, 0, -1.5, 1e300, "", "\x00", "ä" * 300, [], [[]], [None], {}, {"a": None}]
    )
    place: Any = value
    while isinstance(place, dict | list) and place:
        key = random.choice(list(place)) if isinstance(place, dict) else random.randrange(len(place))
        if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.3:
            place[key] = strange
            return json.dumps(value).encode()
        place = place[key]
    return json.dumps(strange).encode()
