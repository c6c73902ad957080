"""The form of a resource-based policy (AWS: grammar of the IAM JSON policy language), fault by fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentcore_lab.authorization import conditions, principals
from agentcore_lab.authorization.policy import OLD_VERSION, VERSION, condition_of, principal_of
from agentcore_lab.json_text import read_json

_ONE_OF = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_ELEMENTS = frozenset({"Sid", "Effect", "Condition", *(name for pair in _ONE_OF for name in pair)})
_SCALARS = (str, int, float, bool)


def faults(text: str) -> Iterator[str]:
    """Every fault of the text as a policy; a text without one can be parsed and evaluated."""
    try:
        policy = read_json(text)
    except ValueError as error:
        yield f"not JSON ({error})"
        return
    if not isinstance(policy, dict):
        yield "not a JSON object"
        return
    if policy.get("Version") not in (VERSION, OLD_VERSION):
        yield f"Version must be {VERSION} or {OLD_VERSION}"
    given = policy.get("Statement")
    if not given:
        yield "Statement is missing"
        return
    for number, statement in enumerate(given if isinstance(given, list) else [given], 1):
        yield from (f"statement {number}: {fault}" for fault in _statement_faults(statement))


def _statement_faults(statement: Any) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield "not a JSON object"
        return
    if unknown := sorted(set(statement) - _ELEMENTS):
        yield f"unknown element {', '.join(unknown)}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect must be Allow or Deny"
    for positive, negative in _ONE_OF:
        if (positive in statement) == (negative in statement):
            yield f"exactly one of {positive} and {negative} must be given"
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in statement and not _texts(statement[name]):
            yield f"{name} must be a string or a list of strings"
    yield from _principal_faults(statement)
    yield from _condition_faults(statement.get("Condition", {}))


def _principal_faults(statement: dict[str, Any]) -> Iterator[str]:
    if "NotPrincipal" in statement and statement.get("Effect") == "Allow":
        yield "NotPrincipal can only deny"
    for name in sorted({"Principal", "NotPrincipal"} & set(statement)):
        given = statement[name]
        if given == principals.EVERYONE:
            continue
        if not isinstance(given, dict) or not given or not all(map(_texts, given.values())):
            yield f'{name} must be "*" or an object such as {{"AWS": "arn:aws:iam::123456789012:root"}}'
            continue
        yield from principals.faults(principal_of(given))


def _condition_faults(given: Any) -> Iterator[str]:
    if not isinstance(given, dict) or not all(isinstance(keys, dict) for keys in given.values()):
        yield "Condition must be an object of operators, each an object of keys"
        return
    for keys in given.values():
        for key, values in keys.items():
            if not all(
                isinstance(each, _SCALARS) for each in (values if isinstance(values, list) else [values])
            ):
                yield f"the values of {key} must be strings, numbers or booleans"
                return
    yield from conditions.faults(condition_of(given))


def _texts(given: Any) -> bool:
    if isinstance(given, str):
        return True
    return isinstance(given, list) and bool(given) and all(isinstance(each, str) for each in given)
