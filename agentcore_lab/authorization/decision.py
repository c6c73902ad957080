"""Whether a request may go on, by all policies together (AWS: AgentCore resource-based policies, policy evaluation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.policy import Effect, Request, parse
from agentcore_lab.authorization.principals import Caller


@dataclass(frozen=True, slots=True)
class Guarded:
    """One resource a request is about, with the text of its policy if it has one, and what may be asked about it."""

    arn: str
    account_id: str
    policy: str | None
    context: Context

    def effect(self, caller: Caller, action: str) -> Effect:
        """What the resource's own policy says."""
        if self.policy is None:
            return Effect.SILENT
        return parse(self.policy).effect(Request(caller, action, self.arn, self.context))


def refusal(
    caller: Caller, action: str, resources: Sequence[Guarded], identity: Effect | None = Effect.ALLOW
) -> str | None:
    """Why the caller may not do the action on all of the resources, in AWS's words; None when it may.

    ``identity`` is what the caller's own policies say; None: IAM does not know the caller, and each of the resources
    must allow. A Deny anywhere refuses. Within an account either side can allow; across accounts both must, and every
    resource for itself (AWS: runtime and endpoint).
    """
    said = [(resource, resource.effect(caller, action)) for resource in resources]
    if identity is Effect.DENY:
        return _words(caller, action, resources[0], "with an explicit deny in an identity-based policy")
    for resource, effect in said:
        if effect is Effect.DENY:
            return _words(caller, action, resource, "with an explicit deny in a resource-based policy")
    for resource, effect in said:
        foreign = identity is None or resource.account_id != caller.account_id
        if effect is not Effect.ALLOW and foreign:
            return _words(
                caller, action, resource, f"because no resource-based policy allows the {action} action"
            )
        if identity not in {None, Effect.ALLOW} and (foreign or effect is not Effect.ALLOW):
            return _words(
                caller, action, resource, f"because no identity-based policy allows the {action} action"
            )
    return None


def _words(caller: Caller, action: str, resource: Guarded, why: str) -> str:
    return f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource.arn} {why}"
