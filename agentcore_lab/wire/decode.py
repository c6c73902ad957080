"""From JSON values, and from the text of headers, labels and queries, to the Python values boto3 would name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.wire.shapes import (
    Mismatch,
    ShapeCompiler,
    as_list,
    as_map,
    as_structure,
    body_members,
    wire_name,
)
from agentcore_lab.wire.timestamps import read_timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from botocore.model import Shape

Reader = Callable[[Any], Any]
Readers = ShapeCompiler[Reader]

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_REAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")
_BITS: Final = MappingProxyType({"integer": 32, "long": 64})


def json_readers() -> Readers:
    """Readers of JSON values.

    A reader raises Mismatch for a value of another type, and ignores what the shape does not name. A null member is
    an absent one (AWS: Smithy restJson1, "null values").
    """
    return ShapeCompiler(_MAKERS)


def text_reader(shape: Shape) -> Callable[[str], Any]:
    """A reader of one header, label or query value.

    Raises Mismatch, as the JSON readers do. Lists are the caller's business: a header splits, a query repeats.
    """
    match shape.type_name:
        case "boolean":
            return _text_boolean
        case "integer" | "long":
            return lambda text: _in_range(int(_spelled(_WHOLE, text, "an integer")), _BITS[shape.type_name])
        case "float" | "double":
            return _text_real
        case "timestamp":
            return _timestamp
        case "blob":
            return _blob
        case _:
            return str


def _structure(shape: Shape, readers: Readers, secret: bool) -> Reader:
    members = {
        wire_name(member, name): (name, readers(member, secret=secret))
        for name, member in body_members(as_structure(shape)).items()
    }

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Mismatch("an object")
        result = {}
        name = ""
        try:
            for key, item in value.items():
                if item is not None and key in members:
                    name, read_member = members[key]
                    result[name] = read_member(item)
        except Mismatch as mismatch:
            mismatch.path.append(name)
            raise
        return result

    return read


def _list(shape: Shape, readers: Readers, secret: bool) -> Reader:
    read_item = readers(as_list(shape).member, secret=secret)

    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Mismatch("a list")
        result: list[Any] = []
        try:
            for item in value:
                result.append(None if item is None else read_item(item))  # noqa: PERF401 - the index is needed
        except Mismatch as mismatch:
            mismatch.path.append(f"{len(result) + 1}.member")
            raise
        return result

    return read


def _map(shape: Shape, readers: Readers, secret: bool) -> Reader:
    read_item = readers(as_map(shape).value, secret=secret)

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Mismatch("an object")
        result: dict[str, Any] = {}
        try:
            for key, item in value.items():
                result[key] = None if item is None else read_item(item)
        except Mismatch as mismatch:
            mismatch.path.append(f"{len(result) + 1}.member")
            raise
        return result

    return read


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    raise Mismatch("a string")


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise Mismatch("a boolean")


def _integer(value: Any) -> int:
    return _in_range(value, 32)


def _long(value: Any) -> int:
    return _in_range(value, 64)


def _in_range(value: Any, bits: int) -> int:
    if type(value) is not int:
        raise Mismatch("an integer")
    if value.bit_length() >= bits:
        raise Mismatch(f"an integer of {bits} bits")
    return value


def _real(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    if value in _NOT_NUMBERS:
        return float(value)
    raise Mismatch("a number")


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except (binascii.Error, ValueError, Mismatch):
        raise Mismatch("a base64-encoded string") from None


def _timestamp(value: Any) -> datetime:
    if type(value) in (int, float, str):
        try:
            return read_timestamp(value)
        except ValueError:
            pass
    raise Mismatch("a timestamp")


def _document(value: Any) -> Any:
    return value


def _text_boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise Mismatch("true or false")


def _text_real(text: str) -> float:
    return float(text if text in _NOT_NUMBERS else _spelled(_REAL, text, "a number"))


def _spelled(form: re.Pattern[str], text: str, expected: str) -> str:
    if form.fullmatch(text):
        return text
    raise Mismatch(expected)


def _always(reader: Reader) -> Callable[[Shape, Readers, bool], Reader]:
    return lambda _shape, _readers, _secret: reader


_MAKERS: Final[Mapping[str, Callable[[Shape, Readers, bool], Reader]]] = MappingProxyType(
    {
        "structure": _structure,
        "list": _list,
        "map": _map,
        "document": _always(_document),
        "string": _always(_string),
        "character": _always(_string),
        "boolean": _always(_boolean),
        "integer": _always(_integer),
        "long": _always(_long),
        "float": _always(_real),
        "double": _always(_real),
        "blob": _always(_blob),
        "timestamp": _always(_timestamp),
    }
)
