"""What a runtime's callers must bring: a bearer token where it has a JWT authorizer, a signature where it has none.

AWS: runtime-oauth, inbound-jwt-authorizer; one or the other, never both. How a token is verified is ``Tokens``' affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol
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
_FAILED = "OAuth authorization failed: "
_NOT_CHAINED = "Transaction token required: authorizer has AllowedWorkloadConfiguration configured"
"""As users report AWS's answer to callers that no gateway sends."""


class Why(Enum):
    """What is wrong with a token."""

    FORM = auto()
    KEYS = auto()
    SIGNATURE = auto()
    CLAIMS = auto()
    SCOPE = auto()


_SENTENCES = {
    Why.FORM: f"{_FAILED}Failed to parse token. ",
    Why.KEYS: f"{_FAILED}Failed to retrieve the signing keys. ",
    Why.SIGNATURE: f"{_FAILED}Invalid token signature. ",
}
"""What comes before the detail; the first is AWS's, as users report it, the others are this project's."""

_FORBIDDEN = frozenset({Why.FORM, Why.KEYS})
"""403, as users report of the first; the others are 401, so that a client gets itself another token."""


class TokenRefused(Exception):  # noqa: N818 - a state, named as one
    """The token is not let through; ``detail`` is a sentence."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True)
class TokenUser:
    """Whom a verified token speaks for: a subject of an issuer. ``token`` is the token itself."""

    issuer: str
    subject: str | None
    claims: Mapping[str, Any]
    token: str = field(repr=False)


class Tokens(Protocol):
    """Verifies bearer tokens."""

    async def user(self, authorizer: Mapping[str, Any], token: str) -> TokenUser:
        """Whom the token speaks for, by a ``customJWTAuthorizer``. Raises TokenRefused."""
        ...


class Inbound:
    """Tells callers apart by their credentials. ``url`` is where the engine's clients find it."""

    def __init__(self, plan: Callable[[Scope, Mapping[str, Any]], Plan], url: str, tokens: Tokens) -> None:
        self._plan = plan
        self._url = url
        self._tokens = tokens

    async def require(self, scope: Scope, params: Mapping[str, Any], token: str | None) -> TokenUser | None:
        """Refuse credentials of the other kind and tokens that are not good; whom a good one speaks for.

        What cannot be called is not looked at: the operation itself says why.

        Raises:
            UnauthorizedException: the runtime takes tokens, and there is no good one; the answer says where to get one.
            AccessDeniedException: the runtime takes signatures; or what came as a token is none.
        """
        try:
            plan = self._plan(scope, params)
        except AwsError:
            return None
        authorizer = _authorizer(plan)
        if authorizer is None:
            if token is not None:
                raise AccessDeniedException(_MISMATCH)
            return None
        challenge = f'Bearer resource_metadata="{self._where(plan, params)}"'
        if token is None:
            raise UnauthorizedException(_MISMATCH, challenge + _scopes(authorizer))
        try:
            user = await self._tokens.user(authorizer, token)
        except TokenRefused as refused:
            raise _refusal(refused, challenge, authorizer) from refused
        if "allowedWorkloadConfiguration" in authorizer:
            # AWS: only gateways can be allowed, and they stamp what they send on. This engine has none.
            raise UnauthorizedException(_NOT_CHAINED, challenge)
        return user

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
        if scopes := _advertised(authorizer):
            document["scopes_supported"] = scopes
        return document

    def _where(self, plan: Plan, params: Mapping[str, Any]) -> str:
        qualifier = quote(params.get("qualifier") or DEFAULT_ENDPOINT, safe="")
        return f"{self._resource(plan)}{METADATA.removeprefix('/invocations')}?qualifier={qualifier}"

    def _resource(self, plan: Plan) -> str:
        return f"{self._url}/runtimes/{quote(plan.runtime.arn, safe='')}/invocations"


def _refusal(refused: TokenRefused, challenge: str, authorizer: Mapping[str, Any]) -> AwsError:
    message = _SENTENCES.get(refused.why, "") + refused.detail
    if refused.why in _FORBIDDEN:
        return AccessDeniedException(message)
    if refused.why is Why.SCOPE:
        return UnauthorizedException(message, f'{challenge}, error="insufficient_scope"{_scopes(authorizer)}')
    return UnauthorizedException(message, f'{challenge}, error="invalid_token"')


def _scopes(authorizer: Mapping[str, Any]) -> str:
    scopes = _advertised(authorizer)
    return f', scope="{" ".join(scopes)}"' if scopes else ""


def _advertised(authorizer: Mapping[str, Any]) -> Sequence[str]:
    """The scopes to ask an issuer for, which may call them otherwise (AWS: advertisedScopeMapping)."""
    names = authorizer.get("advertisedScopeMapping") or {}
    return [names.get(scope, scope) for scope in authorizer.get("allowedScopes") or ()]


def _authorizer(plan: Plan) -> Mapping[str, Any] | None:
    configured: Mapping[str, Any] = plan.version.spec.get("authorizerConfiguration") or {}
    return configured.get("customJWTAuthorizer")
