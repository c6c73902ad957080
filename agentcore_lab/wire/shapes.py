"""What the other modules ask of a botocore shape, and how they compile one shape into one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import ListShape, MapShape, Shape, StructureShape

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class Mismatch(Exception):  # noqa: N818 - a finding, handled where the whole path is known
    """A value that is not what its shape says. ``path`` grows from the inside out while it is raised."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path: list[str] = []

    @property
    def where(self) -> str:
        """The dotted path from the outermost member to the value."""
        return ".".join(reversed(self.path))


class ShapeCompiler(Generic[FunctionT]):
    """Makes one function per shape, once, whatever the model's recursion.

    ``makers`` holds, by kind of shape, how a function is made; a maker gets the shape and this compiler, for its
    members. ``secret`` tells that the shape, or one around it, is marked sensitive. One compiler serves shapes of
    one service only, since shapes are told apart by name.
    """

    def __init__(
        self, makers: Mapping[str, Callable[[Shape, ShapeCompiler[FunctionT], bool], FunctionT]]
    ) -> None:
        self._makers = makers
        self._made: dict[object, FunctionT] = {}
        self._begun: set[object] = set()

    def __call__(self, shape: Shape, *, secret: bool = False) -> FunctionT:
        """The function for ``shape``."""
        secret = secret or is_sensitive(shape)
        key = (shape.name, secret, repr(shape.serialization), repr(shape.metadata))
        if key in self._made:
            return self._made[key]
        if key in self._begun:
            return self._later(key)
        self._begun.add(key)
        made = self._makers[kind(shape)](shape, self, secret)
        self._made[key] = made
        return made

    def _later(self, key: object) -> FunctionT:
        """Stands in for the function of a recursive shape, which is still being made."""
        made = self._made

        def call(*args: object) -> object:
            return made[key](*args)

        return call  # type: ignore[return-value]  # the same function, one call further away


def kind(shape: Shape) -> str:
    """The shape's type, with ``document`` for the structures the models mark as free JSON."""
    return "document" if shape.metadata.get("document") else shape.type_name


def is_sensitive(shape: Shape) -> bool:
    """Whether values of this shape must never be shown."""
    return bool(shape.metadata.get("sensitive"))


def holds_sensitive(shape: Shape, seen: frozenset[str] = frozenset()) -> bool:
    """Whether this shape, or any shape inside it, is marked sensitive."""
    if is_sensitive(shape):
        return True
    if shape.name in seen:
        return False
    inside = seen | {shape.name}
    return any(holds_sensitive(child, inside) for child in _children(shape))


def wire_name(member: Shape, name: str) -> str:
    """What the member is called in JSON, in a header or in the query."""
    return str(member.serialization.get("name", name))


def location(member: Shape) -> str:
    """Where the member travels: ``uri``, ``querystring``, ``header``, ``headers``, ``statusCode`` or ``body``."""
    return str(member.serialization.get("location", "body"))


def body_members(shape: StructureShape) -> dict[str, Shape]:
    """The members that are properties of the JSON body."""
    if shape.serialization.get("payload"):
        return {}
    return {name: member for name, member in shape.members.items() if location(member) == "body"}


def as_structure(shape: Shape) -> StructureShape:
    """``shape``, known to be a structure."""
    return shape  # type: ignore[return-value]


def as_list(shape: Shape) -> ListShape:
    """``shape``, known to be a list."""
    return shape  # type: ignore[return-value]


def as_map(shape: Shape) -> MapShape:
    """``shape``, known to be a map."""
    return shape  # type: ignore[return-value]


def _children(shape: Shape) -> list[Shape]:
    match shape.type_name:
        case "structure":
            return list(as_structure(shape).members.values())
        case "list":
            return [as_list(shape).member]
        case "map":
            return [as_map(shape).key, as_map(shape).value]
        case _:
            return []
