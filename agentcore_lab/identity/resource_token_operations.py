"""The data-plane operations on OAuth2 tokens of resources: get one, and complete a user's consent to one."""

from __future__ import annotations

from agentcore_lab.identity.consent_flow import ConsentFlow
from agentcore_lab.identity.oauth2_tokens import Oauth2Tokens
from agentcore_lab.identity.users import User, named
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result


class ResourceTokenOperations:
    """GetResourceOauth2Token and CompleteResourceTokenAuth."""

    def __init__(self, tokens: Oauth2Tokens, flow: ConsentFlow) -> None:
        self._tokens = tokens
        self._flow = flow

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "GetResourceOauth2Token": self.get,
            "CompleteResourceTokenAuth": self.complete,
        }

    async def get(self, scope: Scope, params: Params) -> Result:
        """AWS: GetResourceOauth2Token."""
        return await self._tokens.get(scope, params)

    async def complete(self, scope: Scope, params: Params) -> Result:
        """AWS: CompleteResourceTokenAuth. A JWT is compared with the one the flow began with, which was verified."""
        told = params["userIdentifier"]
        user = User("", told["userToken"]) if "userToken" in told else named(told["userId"])
        await self._flow.complete(scope, params["sessionUri"], user)
        return {}
