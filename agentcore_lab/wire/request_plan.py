"""By what a request of one operation is read: its members sorted by where they travel, each with its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from agentcore_lab.wire.decode import Reader, json_readers, text_reader
from agentcore_lab.wire.shapes import Mismatch, as_list, body_members, kind, location, wire_name

if TYPE_CHECKING:
    from botocore.model import Shape, StructureShape

    from agentcore_lab.wire.models import Operation


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """One member of the head: ``wire`` is its name there (headers in lower case), ``name`` is boto3's."""

    wire: str
    name: str
    read: Callable[[Any], Any]

    def put(self, params: dict[str, Any], value: Any) -> None:
        """Read ``value`` into ``params``; raises Mismatch with this member's name on its path."""
        _put(params, self.name, self.read, value)


@dataclass(frozen=True, slots=True)
class PayloadPlan:
    """The member that is the whole body, and how that body is to be taken."""

    name: str
    kind: Literal["bytes", "text", "document", "object"]
    read: Reader

    def put(self, params: dict[str, Any], value: Any) -> None:
        """Read ``value`` into ``params``; raises Mismatch with this member's name on its path."""
        _put(params, self.name, self.read, value)


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """All members of one operation's input. ``body`` reads the JSON body, if there is one; or ``payload`` does."""

    labels: tuple[MemberPlan, ...] = ()
    query: tuple[MemberPlan, ...] = ()
    query_maps: tuple[MemberPlan, ...] = ()
    headers: tuple[MemberPlan, ...] = ()
    header_maps: tuple[MemberPlan, ...] = ()
    payload: PayloadPlan | None = None
    body: Reader | None = None


@cache
def request_plan(operation: Operation) -> RequestPlan:
    """The plan of ``operation``, made at its first request."""
    shape = operation.model.input_shape
    if shape is None:
        return RequestPlan()

    def at(place: str, member_plan: Callable[[str, Shape], MemberPlan]) -> tuple[MemberPlan, ...]:
        return tuple(
            member_plan(name, member) for name, member in shape.members.items() if location(member) == place
        )

    query = at("querystring", _query_member)
    query_maps = {name for name, member in shape.members.items() if member.type_name == "map"}
    return RequestPlan(
        labels=at("uri", lambda name, member: MemberPlan(wire_name(member, name), name, text_reader(member))),
        query=tuple(member for member in query if member.name not in query_maps),
        query_maps=tuple(member for member in query if member.name in query_maps),
        headers=at("header", _header_member),
        header_maps=at("headers", lambda name, member: MemberPlan(_lower(member, name), name, dict)),
        payload=_payload(shape),
        body=json_readers()(shape) if body_members(shape) else None,
    )


def _query_member(name: str, member: Shape) -> MemberPlan:
    return MemberPlan(wire_name(member, name), name, _query_reader(member))


def _query_reader(member: Shape) -> Callable[[Any], Any]:
    if member.type_name == "list":
        read_item = text_reader(as_list(member).member)
        return lambda values: [read_item(value) for value in values]
    if member.type_name == "map":
        return lambda given: {name: values[0] for name, values in given.items()}
    read_one = text_reader(member)
    return lambda values: read_one(values[-1])


def _header_member(name: str, member: Shape) -> MemberPlan:
    if member.type_name != "list":
        return MemberPlan(_lower(member, name), name, text_reader(member))
    read_item = text_reader(as_list(member).member)
    return MemberPlan(
        _lower(member, name), name, lambda text: [read_item(item.strip()) for item in text.split(",")]
    )


def _lower(member: Shape, name: str) -> str:
    return wire_name(member, name).lower()


def _payload(shape: StructureShape) -> PayloadPlan | None:
    name = shape.serialization.get("payload")
    if name is None:
        return None
    member = shape.members[name]
    match kind(member):
        case "blob":
            return PayloadPlan(name, "bytes", bytes)
        case "string":
            return PayloadPlan(name, "text", str)
        case "document":
            return PayloadPlan(name, "document", json_readers()(member))
        case _:
            return PayloadPlan(name, "object", json_readers()(member))


def _put(params: dict[str, Any], name: str, read: Callable[[Any], Any], value: Any) -> None:
    try:
        params[name] = read(value)
    except Mismatch as mismatch:
        mismatch.path.append(name)
        raise
