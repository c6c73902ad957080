"""The form of a resource policy (AWS: IAM JSON policy elements), checked before it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException

_VERSIONS = ("2012-10-17", "2008-10-17")
_ONE_OF = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))


def check_policy(text: str) -> None:
    """Raise ValidationException, naming every fault, unless ``text`` is a policy document in JSON."""
    faults = list(_faults(text))
    if faults:
        message = f"The resource policy is not valid: {'; '.join(faults)}"
        raise ValidationException(message, fields=tuple(InvalidField("policy", fault) for fault in faults))


def _faults(text: str) -> Iterator[str]:
    try:
        policy = json.loads(text)
    except ValueError as error:
        yield f"not JSON ({error})"
        return
    if not isinstance(policy, dict):
        yield "not a JSON object"
        return
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        yield f"Version must be one of {', '.join(_VERSIONS)}"
    given = policy.get("Statement")
    statements = given if isinstance(given, list) else [given]
    if not given:
        yield "Statement is missing"
        return
    for number, statement in enumerate(statements, 1):
        yield from (f"statement {number}: {fault}" for fault in _statement_faults(statement))


def _statement_faults(statement: Any) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield "not a JSON object"
        return
    if statement.get("Effect") not in {"Allow", "Deny"}:
        yield "Effect must be Allow or Deny"
    for positive, negative in _ONE_OF:
        if (positive in statement) == (negative in statement):
            yield f"exactly one of {positive} and {negative} must be given"
