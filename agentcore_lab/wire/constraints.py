"""The constraints a model puts on one value, and AWS's phrase for each (Smithy: "Constraint traits")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.wire.patterns import compile_pattern

if TYPE_CHECKING:
    from botocore.model import Shape

NOT_NULL: Final = "Member must not be null"

_NUMBERS: Final = ("integer", "long", "float", "double")
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "string": ((str,), "a string"),
    "character": ((str,), "a string"),
    "boolean": ((bool,), "a boolean"),
    "integer": ((int,), "an integer"),
    "long": ((int,), "an integer"),
    "float": ((float, int), "a number"),
    "double": ((float, int), "a number"),
    "blob": ((bytes, bytearray), "bytes"),
    "timestamp": ((datetime,), "a timestamp"),
    "list": ((list,), "a list"),
    "map": ((dict,), "an object"),
    "structure": ((dict,), "an object"),
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One rule: whether a value keeps it, and what AWS says when it does not."""

    holds: Callable[[Any], bool]
    phrase: str


@dataclass(frozen=True, slots=True)
class Constraints:
    """All rules for the values of one shape, without those of its members.

    ``rules`` are in the order in which AWS reports them for one value.
    """

    types: tuple[type, ...]
    type_phrase: str
    rules: tuple[Constraint, ...]
    longest: int | None

    def broken(self, value: Any) -> list[str]:
        """The phrases of all rules ``value`` breaks."""
        if type(value) not in self.types and not self._is_instance(value):
            return [self.type_phrase]
        if self.longest is not None and len(value) > self.longest:
            # No pattern is tried on what is too long anyway: some take quadratic time or worse.
            return [f"Member must have length less than or equal to {self.longest}"]
        return [rule.phrase for rule in self.rules if not rule.holds(value)]

    def listed(self) -> str:
        """All rules in brackets, as AWS names them for the elements of a list or a map."""
        last_first = [rule.phrase for rule in reversed(self.rules)]
        longest = (
            [] if self.longest is None else [f"Member must have length less than or equal to {self.longest}"]
        )
        return f"[{', '.join([*longest, *last_first, NOT_NULL])}]"

    def _is_instance(self, value: Any) -> bool:
        """A subclass will do (a frozen test clock's datetime), but no bool is an integer."""
        return isinstance(value, self.types) and not isinstance(value, bool)


def constraints_of(shape: Shape) -> Constraints:
    """The rules the model puts on values of ``shape``."""
    types, noun = _TYPES[shape.type_name]
    traits = shape.metadata
    numeric = shape.type_name in _NUMBERS
    rules: list[Constraint] = []
    if pattern := traits.get("pattern"):
        matches = compile_pattern(pattern).fullmatch
        rules.append(
            Constraint(
                lambda value: matches(value) is not None,
                f"Member must satisfy regular expression pattern: {pattern}",
            )
        )
    if (least := traits.get("min")) is not None:
        rules.append(_at_least(least, numeric))
    if numeric and (most := traits.get("max")) is not None:
        rules.append(
            Constraint(
                lambda value: not value > most,
                f"Member must have value less than or equal to {_number(most)}",
            )
        )
    if values := traits.get("enum"):
        known = frozenset(values)
        rules.append(
            Constraint(known.__contains__, f"Member must satisfy enum value set: [{', '.join(values)}]")
        )
    longest = None if numeric or traits.get("max") is None else int(traits["max"])
    return Constraints(types, f"Member must be {noun}", tuple(rules), longest)


def _at_least(least: float, numeric: bool) -> Constraint:
    if numeric:
        return Constraint(
            lambda value: not value < least,
            f"Member must have value greater than or equal to {_number(least)}",
        )
    shortest = int(least)
    return Constraint(
        lambda value: len(value) >= shortest,
        f"Member must have length greater than or equal to {shortest}",
    )


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
