"""What AWS refuses in the policy of a runtime or an endpoint (AWS: AgentCore resource-based policies)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agentcore_lab.authorization import grammar
from agentcore_lab.authorization.policy import Statement, action_fits, parse
from agentcore_lab.authorization.principals import EVERYONE
from agentcore_lab.errors import InvalidField, ValidationException

SERVICE = "bedrock-agentcore"
ACTIONS = tuple(
    f"{SERVICE}:{name}"
    for name in (
        "InvokeAgentRuntime",
        "InvokeAgentRuntimeForUser",
        "InvokeAgentRuntimeCommand",
        "InvokeAgentRuntimeCommandShell",
        "InvokeAgentRuntimeWithWebSocketStream",
        "InvokeAgentRuntimeWithWebSocketStreamForUser",
        "StopRuntimeSession",
        "GetAgentCard",
    )
)
"""All that such a policy can be about; it has no say in the control plane (AWS: supported actions)."""


def check_policy(text: str, arn: str, *, takes_tokens: bool) -> None:
    """Raise ValidationException, naming every fault, unless ``text`` can be the policy of the resource ``arn``.

    ``takes_tokens``: callers of the resource bring OAuth tokens and are no AWS principals.
    """
    faults = list(grammar.faults(text)) or list(_own_faults(text, arn, takes_tokens))
    if faults:
        message = f"The resource policy is not valid: {'; '.join(faults)}"
        raise ValidationException(message, fields=tuple(InvalidField("policy", fault) for fault in faults))


def _own_faults(text: str, arn: str, takes_tokens: bool) -> Iterator[str]:
    for number, statement in enumerate(parse(text).statements, 1):
        yield from (
            f"statement {number}: {fault}" for fault in _statement_faults(statement, arn, takes_tokens)
        )


def _statement_faults(statement: Statement, arn: str, takes_tokens: bool) -> Iterator[str]:
    if statement.not_resource or set(statement.resources) != {arn}:
        given = json.dumps(list(statement.resources))
        yield f'Resource must be the ARN the policy is attached to, {arn}, not {given}; "*" is not supported'
    for wanted in statement.actions:
        if not any(action_fits(wanted, action) for action in ACTIONS):
            yield f"Action {wanted} is not supported: use {', '.join(ACTIONS)}"
    everyone = statement.principal.get("AWS") == (EVERYONE,) and not statement.not_principal
    if takes_tokens and not everyone:
        yield 'Principal must be "*": callers of this resource are known by OAuth tokens'
