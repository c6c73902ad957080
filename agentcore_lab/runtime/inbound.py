"""What a runtime's callers must bring: a bearer token where it has a JWT authorizer, a signature where it has none.

AWS: runtime-oauth; one or the other, never both. Whether a token or a signature is good is not looked at yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from agentcore_lab.errors import (
    AccessDeniedException,
    AwsError,
    ResourceNotFoundException,
    UnauthorizedException,
)
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.plan import Plan
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT

METADATA = "/invocations/.well-known/oauth-protected-resource"
_MISMATCH = (
    "Authorization method mismatch. The agent is configured for a different authorization method than what was used "
    "in your request. Check the agent's authorization configuration and ensure your request uses the matching method "
    "(OAuth or SigV4)"
)


class Inbound:
    """Tells callers apart by the kind of their credentials. ``url`` is where the engine's clients find it."""

    def __init__(self, plan: Callable[[Scope, Mapping[str, Any]], Plan], url: str) -> None:
        self._plan = plan
        self._url = url

    def require(self, scope: Scope, params: Mapping[str, Any], *, bearer: bool) -> None:
        """Refuse credentials of the other kind; ``bearer``: the caller brought a token.

        What cannot be called is not looked at: the operation itself says why.

        Raises:
            UnauthorizedException: the runtime takes tokens, and there is none; the answer says where to get one.
            AccessDeniedException: the runtime takes signatures.
        """
        try:
            plan = self._plan(scope, params)
        except AwsError:
            return
        takes_tokens = _authorizer(plan) is not None
        if takes_tokens and not bearer:
            qualifier = quote(params.get("qualifier") or DEFAULT_ENDPOINT, safe="")
            where = f"{self._resource(plan)}{METADATA.removeprefix('/invocations')}?qualifier={qualifier}"
            raise UnauthorizedException(_MISMATCH, f'Bearer resource_metadata="{where}"')
        if bearer and not takes_tokens:
            raise AccessDeniedException(_MISMATCH)

    def takes_tokens(self, scope: Scope, params: Mapping[str, Any]) -> bool:
        """Whether callers of what can be called bring tokens."""
        try:
            return _authorizer(self._plan(scope, params)) is not None
        except AwsError:
            return False

    def metadata(self, scope: Scope, params: Mapping[str, Any]) -> dict[str, Any]:
        """The protected-resource document of a runtime (RFC 9728; AWS documents no more than that there is one).

        Raises:
            ResourceNotFoundException: no such runtime, or one that takes signatures.
        """
        plan = self._plan(scope, params)
        authorizer = _authorizer(plan)
        if authorizer is None:
            raise ResourceNotFoundException(f"Agent '{plan.runtime.id}' takes no OAuth tokens.")
        document: dict[str, Any] = {
            "resource": self._resource(plan),
            "authorization_servers": [authorizer["discoveryUrl"].partition("/.well-known/")[0]],
            "bearer_methods_supported": ["header"],
        }
        if scopes := authorizer.get("allowedScopes"):
            document["scopes_supported"] = scopes
        return document

    def _resource(self, plan: Plan) -> str:
        return f"{self._url}/runtimes/{quote(plan.runtime.arn, safe='')}/invocations"


def _authorizer(plan: Plan) -> Mapping[str, Any] | None:
    configured: Mapping[str, Any] = plan.version.spec.get("authorizerConfiguration") or {}
    return configured.get("customJWTAuthorizer")
