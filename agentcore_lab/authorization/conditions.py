"""The Condition element of a statement (AWS: IAM JSON policy elements, Condition operators)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.patterns import fits, fits_arn, pattern, resolved

Condition = Mapping[str, Mapping[str, Sequence[str]]]
"""Operator → key → the values of which one is enough."""

Quantifier = Literal["ForAnyValue", "ForAllValues"]

Test = Callable[[str, str, Context | None], bool]
"""Whether a value of the request is what the policy wants; the context is for the policy's variables."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: ``ForAnyValue:StringNotLikeIfExists`` in its parts."""

    test: Test
    read: Callable[[str], object] = str
    negated: bool = False
    if_exists: bool = False
    quantifier: Quantifier | None = None

    def holds(self, given: tuple[str, ...] | None, wanted: Sequence[str], variables: Context | None) -> bool:
        """Whether the values the request has for a key are as wanted (AWS: multivalued context keys)."""
        if given is None:
            if self.if_exists or self.quantifier == "ForAllValues":
                return True
            return self.negated and self.quantifier is None
        found = (any(self.test(value, each, variables) for each in wanted) for value in given)
        if self.negated:
            found = (not each for each in found)
        if self.quantifier == "ForAnyValue" or (self.quantifier is None and not self.negated):
            return any(found)
        return all(found)


def _exact(value: str, wanted: str, variables: Context | None) -> bool:
    return value == resolved(wanted, variables)


def _exact_but_case(value: str, wanted: str, variables: Context | None) -> bool:
    text = resolved(wanted, variables)
    return text is not None and value.casefold() == text.casefold()


def _like(value: str, wanted: str, variables: Context | None) -> bool:
    sought = pattern(wanted, variables)
    return sought is not None and fits(sought, value)


def _arn_like(value: str, wanted: str, variables: Context | None) -> bool:
    sought = pattern(wanted, variables)
    return sought is not None and fits_arn(sought, value)


def _in_network(value: str, wanted: str, _variables: Context | None) -> bool:
    try:
        return ip_address(value) in ip_network(wanted, strict=False)
    except ValueError:
        return False


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


def _moment(text: str) -> datetime:
    """A date of ISO 8601, or seconds of the epoch."""
    try:
        seconds = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is no moment") from error


def _network(text: str) -> object:
    return ip_network(text, strict=False)


def _compared(read: Callable[[str], Any], relation: Callable[[Any, Any], bool]) -> Test:
    def test(value: str, wanted: str, _variables: Context | None) -> bool:
        try:
            return relation(read(value), read(wanted))
        except ValueError:
            return False

    return test


_RELATIONS = {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}

_OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_exact),
    "StringNotEquals": Operator(_exact, negated=True),
    "StringEqualsIgnoreCase": Operator(_exact_but_case),
    "StringNotEqualsIgnoreCase": Operator(_exact_but_case, negated=True),
    "StringLike": Operator(_like),
    "StringNotLike": Operator(_like, negated=True),
    "ArnEquals": Operator(_arn_like),
    "ArnLike": Operator(_arn_like),
    "ArnNotEquals": Operator(_arn_like, negated=True),
    "ArnNotLike": Operator(_arn_like, negated=True),
    "BinaryEquals": Operator(_exact),
    "Bool": Operator(_compared(_truth, eq), _truth),
    "IpAddress": Operator(_in_network, _network),
    "NotIpAddress": Operator(_in_network, _network, negated=True),
    "NumericNotEquals": Operator(_compared(_number, eq), _number, negated=True),
    "DateNotEquals": Operator(_compared(_moment, eq), _moment, negated=True),
    **{f"Numeric{name}": Operator(_compared(_number, how), _number) for name, how in _RELATIONS.items()},
    **{f"Date{name}": Operator(_compared(_moment, how), _moment) for name, how in _RELATIONS.items()},
}

_QUANTIFIERS: dict[str, Quantifier | None] = {
    "": None,
    "ForAnyValue:": "ForAnyValue",
    "ForAllValues:": "ForAllValues",
}

NULL = "Null"
"""The operator that asks whether the request has the key at all."""


def operator(name: str) -> Operator | None:
    """The operator of that name; None for no such, and for ``Null``, which compares nothing."""
    before, colon, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    found, quantifier = _OPERATORS.get(base), before + colon
    if found is None or quantifier not in _QUANTIFIERS:
        return None
    return replace(found, if_exists=base != rest, quantifier=_QUANTIFIERS[quantifier])


def holds(condition: Condition, context: Context, variables: Context | None) -> bool:
    """Whether every operator and every key of the element holds; one that is unknown holds for nothing."""
    return all(
        _holds(name, context.get(key), wanted, variables)
        for name, keys in condition.items()
        for key, wanted in keys.items()
    )


def _holds(
    name: str, given: tuple[str, ...] | None, wanted: Sequence[str], variables: Context | None
) -> bool:
    if name == NULL:
        return any(each.lower() == ("true" if given is None else "false") for each in wanted)
    known = operator(name)
    return known is not None and known.holds(given, wanted, variables)


def faults(condition: Condition) -> Iterator[str]:
    """What AWS refuses in a Condition: operators there are not, and values not of an operator's type."""
    for name, keys in condition.items():
        known = operator(name)
        if known is None and name != NULL:
            yield f"Condition operator {name} is unknown"
            continue
        read = known.read if known else _truth
        for key, wanted in keys.items():
            if not wanted:
                yield f"Condition {name} has no value for {key}"
            for each in wanted:
                try:
                    read(each)
                except ValueError:
                    yield f"Condition {name} cannot compare {key} with {each!r}"
