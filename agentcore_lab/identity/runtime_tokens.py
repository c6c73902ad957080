"""The workload access token of each call of a runtime: for whom its agent acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentcore_lab.identity.users import User, named, of_token
from agentcore_lab.identity.workload_tokens import WorkloadTokens
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.inbound import TokenUser
from agentcore_lab.runtime.workload_token import FROM_AGENT


class RuntimeTokens:
    """Mints tokens of the workload identity that was made with a runtime and has its id for a name."""

    def __init__(self, tokens: WorkloadTokens) -> None:
        self._tokens = tokens

    def __call__(
        self,
        scope: Scope,
        runtime_id: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        user: TokenUser | None,
    ) -> str | None:
        """A token for whom the caller's bearer token speaks, for the user it names, or for whom its agent acts itself.

        Who is proved by a bearer token can be talked away by nothing else in the call. A named user goes before an
        agent's token, which the SDK adds to every call (chosen here: AWS does not say).

        Raises:
            AccessDeniedException: the calling agent's token is not valid.
        """
        acts_for = self._named(scope, params, headers) if user is None else _proved(user)
        return None if acts_for is None else self._tokens.mint(scope, runtime_id, acts_for)

    def _named(self, scope: Scope, params: Mapping[str, Any], headers: Mapping[str, str]) -> User | None:
        if (user_id := params.get("runtimeUserId")) is not None:
            return named(user_id)
        if (of_agent := headers.get(FROM_AGENT)) is not None:
            return self._tokens.read(scope, of_agent).user
        return None


def _proved(user: TokenUser) -> User | None:
    return None if user.subject is None else of_token(user.issuer, user.subject, user.token)
