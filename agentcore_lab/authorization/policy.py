"""One resource-based policy: what it is made of, and what it says to one request (AWS: policy evaluation logic)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from agentcore_lab.authorization.conditions import Condition, holds
from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.patterns import fits, pattern
from agentcore_lab.authorization.principals import EVERYONE, Caller, Principal, means

VERSION = "2012-10-17"
OLD_VERSION = "2008-10-17"
"""Without policy variables, and what a policy that names no version has (AWS: Version element)."""


class Effect(StrEnum):
    """What a policy says: a statement allows, a statement denies, or none is about the request."""

    ALLOW = "Allow"
    DENY = "Deny"
    SILENT = "Silent"


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource."""

    caller: Caller
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; of an element and its ``Not`` form one is given, and ``not_…`` says which."""

    effect: Effect
    principal: Principal
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Condition
    not_principal: bool = False
    not_action: bool = False
    not_resource: bool = False

    def is_about(self, request: Request, variables: Context | None) -> bool:
        """Whether principal, action, resource and condition all meet the request."""
        return (
            means(self.principal, request.caller) != self.not_principal
            and self._has_action(request.action) != self.not_action
            and self._has_resource(request.resource, variables) != self.not_resource
            and holds(self.condition, request.context, variables)
        )

    def _has_action(self, action: str) -> bool:
        return any(action_fits(each, action) for each in self.actions)

    def _has_resource(self, resource: str, variables: Context | None) -> bool:
        sought = (pattern(each, variables) for each in self.resources)
        return any(each is not None and fits(each, resource) for each in sought)


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy."""

    version: str
    statements: tuple[Statement, ...]

    def effect(self, request: Request) -> Effect:
        """What the policy says to the request: an explicit Deny wins over any Allow."""
        variables = request.context if self.version == VERSION else None
        said = {each.effect for each in self.statements if each.is_about(request, variables)}
        if Effect.DENY in said:
            return Effect.DENY
        return Effect.ALLOW if said else Effect.SILENT


def action_fits(wanted: str, action: str) -> bool:
    """Whether an action is one of those the policy names; actions ignore case (AWS: Action element)."""
    sought = pattern(wanted.lower(), None)
    assert sought is not None, "there are no variables in an action"
    return fits(sought, action.lower())


@lru_cache(maxsize=256)
def parse(text: str) -> Policy:
    """The policy of a JSON text that ``grammar.faults`` finds no fault with."""
    document = json.loads(text)
    given = document["Statement"]
    statements = given if isinstance(given, list) else [given]
    return Policy(document.get("Version", OLD_VERSION), tuple(map(_statement, statements)))


def _statement(given: Mapping[str, Any]) -> Statement:
    return Statement(
        effect=Effect(given["Effect"]),
        principal=principal_of(given.get("NotPrincipal", given.get("Principal"))),
        actions=strings(given.get("NotAction", given.get("Action"))),
        resources=strings(given.get("NotResource", given.get("Resource"))),
        condition=condition_of(given.get("Condition", {})),
        not_principal="NotPrincipal" in given,
        not_action="NotAction" in given,
        not_resource="NotResource" in given,
    )


def principal_of(given: Any) -> Principal:
    """The element's kinds; ``"*"`` is everyone."""
    if given == EVERYONE:
        return {"AWS": (EVERYONE,)}
    return {kind: strings(named) for kind, named in given.items()} if isinstance(given, dict) else {}


def condition_of(given: Mapping[str, Mapping[str, Any]]) -> Condition:
    """The element with every value as a list of texts."""
    return {name: {key: strings(values) for key, values in keys.items()} for name, keys in given.items()}


def strings(given: Any) -> tuple[str, ...]:
    """One value or a list of them as texts: ``true`` and ``5`` mean ``"true"`` and ``"5"``."""
    values = given if isinstance(given, list) else [given]
    return tuple(value if isinstance(value, str) else json.dumps(value) for value in values)
