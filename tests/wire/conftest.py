"""Values for any shape of the models, and botocore's own side of the wire to hold ours against."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from re import _parser as parser  # type: ignore[attr-defined]  # the only reader of patterns there is
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import ServiceModel, Shape
from botocore.serialize import create_serializer

from agentcore_lab.wire.models import Operation
from agentcore_lab.wire.patterns import compile_pattern

Sample = Callable[..., Any]
BotoRequest = Callable[[Operation, dict[str, Any]], tuple[str, str, str, dict[str, str], bytes]]

SINK = Path(__file__).with_name("kitchen_sink.json")
DEEPEST = 5
EXTRA_REPEATS = (0, 2, 6, 12, 24, 48, 96)
WORDS = string.ascii_letters + string.digits
TEXT = WORDS + " /%+&=?#:,.äß€猫🦜"
HEADER_TEXT = WORDS + "-_.:/="


@pytest.fixture(scope="session")
def sample() -> Sample:
    """``sample(shape, random, fullness)``: a valid value; ``fullness`` is the share of optional members set."""
    return draw


@pytest.fixture(scope="session")
def boto_request() -> BotoRequest:
    """The request botocore would send: method, raw path, raw query, headers, body."""
    serializer = create_serializer("rest-json", include_validation=True)

    def build(operation: Operation, params: dict[str, Any]) -> tuple[str, str, str, dict[str, str], bytes]:
        request = serializer.serialize_to_request(params, operation.model)
        prepare_request_dict(request, "https://localhost")
        sent = create_request_object(request).prepare()
        url = urlsplit(sent.url)
        body = sent.body.encode() if isinstance(sent.body, str) else bytes(sent.body or b"")
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in sent.headers.items()
        }
        return sent.method, url.path, url.query, headers, body

    return build


@pytest.fixture(scope="session")
def sink() -> ServiceModel:
    """A service whose one operation uses what AgentCore's operations do not use (yet)."""
    return ServiceModel(json.loads(SINK.read_text()), service_name="kitchen-sink")


def draw(shape: Shape, random: Random, fullness: float = 0.5, depth: int = 0) -> Any:
    """A value that keeps every constraint of ``shape``."""
    if shape.metadata.get("document"):
        return random.choice([{"a": [1, None, {"b": 0.5}]}, [True, "x"], "text", 7])
    if maker := MAKERS.get(shape.type_name):
        return maker(shape, random, fullness, depth)
    return _draw_number(shape, random)


def _draw_structure(shape: Any, random: Random, fullness: float, depth: int) -> dict[str, Any]:
    if shape.metadata.get("union"):
        names = [random.choice(_shallow(shape) if depth > DEEPEST else list(shape.members))]
    else:
        names = [
            name
            for name in shape.members
            if name in shape.required_members or (depth < DEEPEST and random.random() < fullness)
        ]
    return {name: draw(shape.members[name], random, fullness, depth + 1) for name in names}


def _shallow(union: Any) -> list[str]:
    """The members by which a recursion can end: plain values and free JSON, if there are any."""
    flat = [
        name
        for name, member in union.members.items()
        if member.type_name not in ("structure", "list") or not getattr(member, "members", None)
    ]
    return flat or list(union.members)


def _draw_list(shape: Any, random: Random, fullness: float, depth: int) -> list[Any]:
    length = random.randint(*_bounds(shape, 0 if depth > DEEPEST else 1, 2))
    items: list[Any] = []
    while len(items) < length:
        items.append(draw(shape.member, random, fullness, depth + 1))
    return items


def _draw_map(shape: Any, random: Random, fullness: float, depth: int) -> dict[str, Any]:
    length = random.randint(*_bounds(shape, 1, 2))
    return {draw(shape.key, random): draw(shape.value, random, fullness, depth + 1) for _ in range(length)}


def _bounds(shape: Shape, low: int, span: int) -> tuple[int, int]:
    least = max(low, int(shape.metadata.get("min", 0)))
    return least, max(least, min(int(shape.metadata.get("max", least + span)), least + span))


def _draw_string(shape: Shape, random: Random, _fullness: float, _depth: int) -> str:
    if values := shape.metadata.get("enum"):
        return str(random.choice(values))
    if pattern := shape.metadata.get("pattern"):
        limits = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 10**6))
        return random.choice(_matching(pattern, max(limits[0], 1), limits[1]))
    alphabet = HEADER_TEXT if shape.serialization.get("location") == "header" else TEXT
    # A query's or label's first and last characters are of the plain kind: servers strip spaces there.
    middle = "".join(random.choice(alphabet) for _ in range(random.randint(*_bounds(shape, 2, 8)) - 2))
    return "a" + middle + "z" if shape.metadata.get("max", 2) > 1 else "a"


def _draw_timestamp(shape: Shape, random: Random, _fullness: float, _depth: int) -> datetime:
    fine = shape.serialization.get("timestampFormat") == "iso8601"
    moment = datetime(2020, 2, 29, tzinfo=UTC) + timedelta(seconds=random.randint(0, 10**9))
    return moment + timedelta(microseconds=random.choice([0, 1, 999_000]) if fine else 0)


def _draw_blob(shape: Shape, random: Random, _fullness: float, _depth: int) -> bytes:
    return random.randbytes(random.randint(*_bounds(shape, 1, 40)))


def _draw_boolean(_shape: Shape, random: Random, _fullness: float, _depth: int) -> bool:
    return random.random() < 0.5


def _draw_number(shape: Shape, random: Random) -> float:
    if shape.serialization.get("location") == "statusCode":
        return 200
    least = shape.metadata.get("min", -1000)
    most = shape.metadata.get("max", max(1000, least + 1))
    whole = shape.type_name in ("integer", "long")
    return random.choice([least, most, random.randint(int(least), int(most))]) if whole else float(most)


@cache
def _matching(pattern: str, least: int, most: int) -> list[str]:
    """A few strings of allowed length that match ``pattern`` as a whole."""
    compiled = compile_pattern(pattern)
    tree = parser.parse(compiled.pattern)
    random = Random(pattern)
    found: list[str] = []
    for attempt in range(2000):
        extra = EXTRA_REPEATS[attempt % len(EXTRA_REPEATS)]
        text = _spell(tree, random, extra)
        if least <= len(text) <= most and compiled.fullmatch(text):
            found.append(text)
            if len(found) == 4:
                return found
    assert found, f"nothing of {least} to {most} characters found for {pattern}"
    return found


def _spell(tree: Any, random: Random, extra: int) -> str:
    """A string the parsed pattern matches, look-arounds not regarded; ``extra`` repeats beyond the least."""
    return "".join(_spell_one(str(op), arg, random, extra) for op, arg in tree)


def _spell_one(op: str, arg: Any, random: Random, extra: int) -> str:
    match op:
        case "LITERAL":
            return chr(arg)
        case "NOT_LITERAL" | "ANY":
            return random.choice(WORDS)
        case "IN":
            return random.choice(_members_of(arg))
        case "MAX_REPEAT":
            least, most, inner = arg
            times = min(int(most), least + random.randint(extra // 2, extra))
            return "".join(_spell(inner, random, extra) for _ in range(times))
        case "SUBPATTERN":
            return _spell(arg[-1], random, extra)
        case "BRANCH":
            return _spell(random.choice(arg[1]), random, extra)
        case _:
            return ""


def _members_of(items: Any) -> str:
    """The printable ASCII characters a character class holds."""
    if str(items[0][0]) == "RANGE" and items[0][1][1] > 0x10000:
        return WORDS
    negated = str(items[0][0]) == "NEGATE"
    kinds = {"CATEGORY_DIGIT": string.digits, "CATEGORY_WORD": WORDS + "_", "CATEGORY_SPACE": " "}
    held: set[str] = set()
    for op, arg in items:
        match str(op):
            case "LITERAL":
                held.add(chr(arg))
            case "RANGE":
                held.update(map(chr, range(arg[0], min(arg[1], 126) + 1)))
            case "CATEGORY":
                known = kinds.get(str(arg).replace("NOT_", ""), "")
                held.update(set(WORDS) - set(known) if "NOT_" in str(arg) else known)
    return "".join(sorted(set(WORDS + "-_.") - held if negated else held))


MAKERS: dict[str, Callable[[Any, Random, float, int], Any]] = {
    "structure": _draw_structure,
    "list": _draw_list,
    "map": _draw_map,
    "string": _draw_string,
    "timestamp": _draw_timestamp,
    "blob": _draw_blob,
    "boolean": _draw_boolean,
}
