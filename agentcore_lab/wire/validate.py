"""Server-side validation: every constraint of the model, all failures in one answer.

botocore checks only what is required, types and minima before it sends; the rest comes to light here. Paths are
Coral's: members joined by dots, ``.1.member`` for the first element of a list, ``.key.member`` for a structure in
a map. For plain values in a list or a map AWS names the container and lists what each element must satisfy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.wire.constraints import NOT_NULL, constraints_of
from agentcore_lab.wire.failures import Failure, rejection, show
from agentcore_lab.wire.shapes import (
    ShapeCompiler,
    as_list,
    as_map,
    as_structure,
    holds_sensitive,
    is_sensitive,
    kind,
)

if TYPE_CHECKING:
    from botocore.model import Shape

    from agentcore_lab.wire.models import Operation

Failures = list[Failure]
Check = Callable[[Any, str, Failures], None]
Checks = ShapeCompiler[Check]

_NESTED: Final = ("structure", "list", "map", "document")


def validate(operation: Operation, params: dict[str, Any]) -> None:
    """Check the parameters of one call against the operation's input shape.

    The payload of an operation that streams its request is checked only if it is there.

    Raises:
        ValidationException: with AWS's sentence for each failure, and each in ``fieldList``; no value of a member
            marked sensitive is ever shown.
    """
    failures: Failures = []
    _input_check(operation)(params, "", failures)
    if failures:
        raise rejection(failures)


@cache
def _input_check(operation: Operation) -> Check:
    shape = operation.model.input_shape
    if shape is None:
        return _anything
    checks: Checks = ShapeCompiler(_MAKERS)
    streamed = shape.serialization.get("payload") if operation.streams_request else None
    return _members(shape, checks, False, frozenset({streamed}))


def _structure(shape: Shape, checks: Checks, secret: bool) -> Check:
    check_type = _plain(shape, checks, secret)
    check_members = _members(shape, checks, secret)
    choices = tuple(as_structure(shape).members) if shape.metadata.get("union") else ()

    def check(value: Any, path: str, failures: Failures) -> None:
        if not isinstance(value, dict):
            check_type(value, path, failures)
            return
        if choices and sum(value.get(name) is not None for name in choices) != 1:
            failures.append(Failure(path, f"Member must have exactly one of [{', '.join(choices)}]"))
        check_members(value, f"{path}.", failures)

    return check


def _members(
    shape: Shape, checks: Checks, secret: bool, optional: frozenset[str | None] = frozenset()
) -> Check:
    """The check of a structure's members; ``path`` is what stands before their names."""
    structure = as_structure(shape)
    members = [
        (
            name,
            name in structure.required_members and name not in optional,
            secret or is_sensitive(member),
            check,
        )
        for name, member in structure.members.items()
        for check in [checks(member, secret=secret)]
    ]

    def check_all(value: Any, path: str, failures: Failures) -> None:
        for name, required, hidden, check_member in members:
            member = value.get(name)
            if member is not None:
                check_member(member, path + name, failures)
            elif required:
                failures.append(Failure(path + name, NOT_NULL, None if hidden else "null"))

    return check_all


def _list(shape: Shape, checks: Checks, secret: bool) -> Check:
    element = as_list(shape).member
    check_list = _plain(shape, checks, secret)
    check_elements = _elements(shape, element, "Member must satisfy constraint: ", secret)
    check_nested = checks(element, secret=secret) if kind(element) in _NESTED else None

    def check(value: Any, path: str, failures: Failures) -> None:
        check_list(value, path, failures)
        if not isinstance(value, list):
            return
        if check_nested is None:
            check_elements(value, value, path, failures)
            return
        for index, item in enumerate(value, 1):
            _check_nested(check_nested, item, f"{path}.{index}.member", failures)

    return check


def _map(shape: Shape, checks: Checks, secret: bool) -> Check:
    key, value_shape = as_map(shape).key, as_map(shape).value
    check_map = _plain(shape, checks, secret)
    check_keys = _elements(shape, key, "Map keys must satisfy constraint: ", secret)
    check_values = _elements(shape, value_shape, "Map value must satisfy constraint: ", secret)
    check_nested = checks(value_shape, secret=secret) if kind(value_shape) in _NESTED else None
    hidden = secret or is_sensitive(key)

    def check(value: Any, path: str, failures: Failures) -> None:
        check_map(value, path, failures)
        if not isinstance(value, dict):
            return
        check_keys(value, value, path, failures)
        if check_nested is None:
            check_values(value.values(), value, path, failures)
            return
        for index, (name, item) in enumerate(value.items(), 1):
            _check_nested(check_nested, item, f"{path}.{index if hidden else name}.member", failures)

    return check


def _elements(
    container: Shape, element: Shape, words: str, secret: bool
) -> Callable[[Any, Any, str, Failures], None]:
    """The check of plain values in a container: one failure for all of them, on the container."""
    if kind(element) in _NESTED:
        return lambda _items, _container, _path, _failures: None
    constraints = constraints_of(element)
    constraint = words + constraints.listed()
    hidden = secret or holds_sensitive(container)

    def check(items: Any, whole: Any, path: str, failures: Failures) -> None:
        if any(item is None or constraints.broken(item) for item in items):
            failures.append(Failure(path, constraint, None if hidden else show(whole)))

    return check


def _check_nested(check: Check, value: Any, path: str, failures: Failures) -> None:
    if value is None:
        failures.append(Failure(path, NOT_NULL, "null"))
    else:
        check(value, path, failures)


def _plain(shape: Shape, _checks: Checks, secret: bool) -> Check:
    """The check of a value by itself: type, length, range, pattern, enum."""
    broken = constraints_of(shape).broken
    hidden = secret or holds_sensitive(shape)

    def check(value: Any, path: str, failures: Failures) -> None:
        for phrase in broken(value):
            failures.append(Failure(path, phrase, None if hidden else show(value)))

    return check


def _free(_shape: Shape, _checks: Checks, _secret: bool) -> Check:
    return _anything


def _anything(_value: Any, _path: str, _failures: Failures) -> None:
    """A document may be any JSON."""


_MAKERS: Final[dict[str, Callable[[Shape, Checks, bool], Check]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "document": _free,
} | dict.fromkeys(
    ("string", "character", "boolean", "integer", "long", "float", "double", "blob", "timestamp"), _plain
)
