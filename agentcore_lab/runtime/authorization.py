"""The gate of the data plane: the policies of a runtime and of the endpoint that is asked for have their say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.decision import Guarded, refusal
from agentcore_lab.authorization.policy import Effect
from agentcore_lab.authorization.principals import Caller
from agentcore_lab.clock import Clock
from agentcore_lab.errors import AccessDeniedException
from agentcore_lab.runtime.arn import Resource, Scope, runtime_id_in
from agentcore_lab.runtime.inbound import Inbound, TokenUser
from agentcore_lab.runtime.policy import SERVICE
from agentcore_lab.runtime.resources import Attachments
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT

GUARDED = frozenset(
    {
        "InvokeAgentRuntime",
        "InvokeAgentRuntimeCommand",
        "InvokeAgentRuntimeCommandShell",
        "InvokeAgentRuntimeProxy",
        "InvokeAgentRuntimeWithWebSocketStream",
        "StopRuntimeSession",
        "GetAgentCard",
    }
)
"""The operations whose callers resource policies speak of, WebSockets by their action (AWS: supported actions)."""

_FOR_USERS = frozenset({"InvokeAgentRuntime", "InvokeAgentRuntimeWithWebSocketStream"})


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sent a request, with the condition keys that its transport tells, and the bearer token it brought."""

    caller: Caller
    keys: Mapping[str, str]
    token: str | None = field(default=None, repr=False)


class Gate:
    """Lets a request through or refuses it. Callers are taken as administrators of their own account."""

    def __init__(self, attachments: Attachments, clock: Clock, inbound: Inbound) -> None:
        self._attachments = attachments
        self._inbound = inbound
        self._clock = clock

    def takes_tokens(self, scope: Scope, params: Mapping[str, Any]) -> bool:
        """Whether callers of a runtime bring bearer tokens; not of one that cannot be called."""
        return self._inbound.takes_tokens(scope, params)

    async def require(
        self, scope: Scope, operation: str, params: Mapping[str, Any], asker: Asker
    ) -> TokenUser | None:
        """Let a request through whose credentials are good, and that every policy concerned allows.

        The answer is whom its bearer token speaks for, if it brought one. What does not exist has no policy: the
        operation itself says that it is not found.

        Raises:
            UnauthorizedException: the runtime takes bearer tokens, and there is no good one.
            AccessDeniedException: it takes none and there is one, or a policy refuses the caller.
        """
        if operation not in GUARDED:
            return None
        user = await self._inbound.require(scope, params, asker.token)
        self._ask_policies(scope, operation, params, asker, user)
        return user

    def _ask_policies(
        self, scope: Scope, operation: str, params: Mapping[str, Any], asker: Asker, user: TokenUser | None
    ) -> None:
        account_id = params.get("accountId", scope.account_id)
        runtime_id = runtime_id_in(params["agentRuntimeArn"], account_id, scope)
        endpoint = params.get("qualifier") or DEFAULT_ENDPOINT
        on_runtime, on_endpoint = Resource(runtime_id), Resource(runtime_id, endpoint)
        policies = self._attachments.policies(runtime_id)
        concerned = [each for each in (on_runtime, on_endpoint) if each in policies]
        if asker.caller.account_id == scope.account_id and not concerned:
            return
        # Whoever brings a token is nobody to IAM: where there is a policy, it alone can allow.
        caller, own = (asker.caller, Effect.ALLOW) if user is None else (_nobody(scope), None)
        about_caller = asker.caller.keys() if user is None else claim_keys(user.claims)
        guarded = [
            Guarded(
                each.arn(scope),
                scope.account_id,
                policies.get(each),
                self._context(scope, each, {**asker.keys, **about_caller}),
            )
            for each in ((on_runtime, on_endpoint) if user is None else concerned)
        ]
        for action in _actions(operation, params):
            if why := refusal(caller, action, guarded, own):
                raise AccessDeniedException(why)

    def _context(self, scope: Scope, resource: Resource, keys: Mapping[str, str | Iterable[str]]) -> Context:
        now = self._clock.now()
        tags = self._attachments.tags(resource)
        return Context(
            {
                **keys,
                "aws:CurrentTime": now.isoformat(),
                "aws:EpochTime": f"{now.timestamp():.0f}",
                "aws:RequestedRegion": scope.region,
                "aws:ResourceAccount": scope.account_id,
                "aws:ViaAWSService": "false",
                **{f"aws:ResourceTag/{key}": value for key, value in tags.items()},
            }
        )


def claim_keys(claims: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys on a token's claims, as the service reference names them (AWS: InboundJwtClaim)."""
    keys: dict[str, str | tuple[str, ...]] = {}
    for name in ("iss", "sub", "client_id", "scope"):
        if isinstance(claim := claims.get(name), str):
            keys[f"{SERVICE}:InboundJwtClaim/{name}"] = claim
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if isinstance(audiences, list):
        keys[f"{SERVICE}:InboundJwtClaim/aud"] = tuple(each for each in audiences if isinstance(each, str))
    return keys


def _nobody(scope: Scope) -> Caller:
    return Caller(scope.account_id, "anonymous")


def _actions(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    """What the caller must be allowed: with a user id also to speak for a user (AWS: runtime-oauth)."""
    yield f"{SERVICE}:{operation}"
    if operation in _FOR_USERS and "runtimeUserId" in params:
        yield f"{SERVICE}:{operation}ForUser"
