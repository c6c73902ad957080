"""From Python values to JSON values and to the text of headers, by the shapes of an answer."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.wire.header_text import fits
from agentcore_lab.wire.shapes import (
    Mismatch,
    ShapeCompiler,
    as_list,
    as_map,
    as_structure,
    body_members,
    wire_name,
)
from agentcore_lab.wire.timestamps import write_timestamp

if TYPE_CHECKING:
    from botocore.model import Shape

Writer = Callable[[Any], Any]
Writers = ShapeCompiler[Writer]


def json_writers() -> Writers:
    """Writers of JSON values.

    A writer raises Mismatch for a value that is not of its shape, or a member the shape does not have. None members
    are left out.
    """
    return ShapeCompiler(_MAKERS)


def text_writer(shape: Shape) -> Callable[[Any], str]:
    """A writer of one header. Raises Mismatch for a value that is not of the shape or cannot stand in a header."""
    if shape.type_name == "list":
        write_item = text_writer(as_list(shape).member)
        return lambda value: ", ".join(write_item(item) for item in value)
    if shape.type_name == "timestamp":
        form = shape.serialization.get("timestampFormat", "rfc822")
        return lambda value: str(_moment(value, form))
    if shape.type_name == "string":
        return _header_string
    write = json_writers()(shape)
    return lambda value: _header_word(write(value))


def _structure(shape: Shape, writers: Writers, secret: bool) -> Writer:
    members = {
        name: (wire_name(member, name), writers(member, secret=secret))
        for name, member in body_members(as_structure(shape)).items()
    }

    def write(value: Any) -> dict[str, Any]:
        _require(value, dict, "a dict")
        body = {}
        name = ""
        try:
            for name, item in value.items():
                if name not in members:
                    raise Mismatch("no member of the shape")
                if item is not None:
                    key, write_member = members[name]
                    body[key] = write_member(item)
        except Mismatch as mismatch:
            mismatch.path.append(str(name))
            raise
        return body

    return write


def _list(shape: Shape, writers: Writers, secret: bool) -> Writer:
    write_item = writers(as_list(shape).member, secret=secret)

    def write(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Mismatch("a list")
        body: list[Any] = []
        try:
            for item in value:
                body.append(write_item(item))  # noqa: PERF401 - the index is needed
        except Mismatch as mismatch:
            mismatch.path.append(str(len(body)))
            raise
        return body

    return write


def _map(shape: Shape, writers: Writers, secret: bool) -> Writer:
    write_item = writers(as_map(shape).value, secret=secret)

    def write(value: Any) -> dict[str, Any]:
        _require(value, dict, "a dict")
        body = {}
        key = ""
        try:
            for key, item in value.items():
                body[_require(key, str, "a string key")] = write_item(item)
        except Mismatch as mismatch:
            mismatch.path.append(str(key))
            raise
        return body

    return write


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch("a number")
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise Mismatch("an integer")
    return _require(value, int, "an integer")


def _blob(value: Any) -> str:
    return base64.b64encode(_require(value, bytes, "bytes")).decode("ascii")


def _timestamp(shape: Shape, _writers: Writers, _secret: bool) -> Writer:
    form = shape.serialization.get("timestampFormat", "unixTimestamp")
    return lambda value: _moment(value, form)


def _moment(value: Any, form: str) -> str | float:
    try:
        return write_timestamp(_require(value, datetime, "a datetime"), form)
    except ValueError as error:
        raise Mismatch(f"a timestamp, but {error}") from error


def _header_string(value: Any) -> str:
    text: str = _require(value, str, "a string")
    if not fits(text):
        raise Mismatch("a string that can stand in a header")
    return text


def _header_word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _require(value: Any, wanted: type, words: str) -> Any:
    if not isinstance(value, wanted):
        raise Mismatch(words)
    return value


def _of(wanted: type, words: str) -> Callable[[Shape, Writers, bool], Writer]:
    return lambda _shape, _writers, _secret: lambda value: _require(value, wanted, words)


def _always(writer: Writer) -> Callable[[Shape, Writers, bool], Writer]:
    return lambda _shape, _writers, _secret: writer


_MAKERS: Final[dict[str, Callable[[Shape, Writers, bool], Writer]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "document": _of(object, "anything"),
    "string": _of(str, "a string"),
    "character": _of(str, "a string"),
    "boolean": _of(bool, "a bool"),
    "integer": _always(_whole),
    "long": _always(_whole),
    "float": _always(_number),
    "double": _always(_number),
    "blob": _always(_blob),
    "timestamp": _timestamp,
}
