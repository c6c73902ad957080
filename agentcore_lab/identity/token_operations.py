"""The data-plane operations that give out tokens of workloads and the API keys they may use."""

from __future__ import annotations

from agentcore_lab.identity.providers import CredentialProviders, Kind
from agentcore_lab.identity.users import User, named
from agentcore_lab.identity.workload_tokens import WorkloadTokens
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result


class TokenOperations:
    """GetWorkloadAccessToken for nobody or for a named user, and GetResourceApiKey."""

    def __init__(self, tokens: WorkloadTokens, providers: CredentialProviders) -> None:
        self._tokens = tokens
        self._providers = providers

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "GetWorkloadAccessToken": self.for_nobody,
            "GetWorkloadAccessTokenForUserId": self.for_name,
            "GetResourceApiKey": self.api_key,
        }

    async def for_nobody(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadAccessToken."""
        return self._given(scope, params, None)

    async def for_name(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadAccessTokenForUserId."""
        return self._given(scope, params, named(params["userId"]))

    async def api_key(self, scope: Scope, params: Params) -> Result:
        """AWS: GetResourceApiKey."""
        self._tokens.read(scope, params["workloadIdentityToken"])
        provider = self._providers.get(scope, Kind.API_KEY, params["resourceCredentialProviderName"])
        return {"apiKey": self._providers.secret(provider)}

    def _given(self, scope: Scope, params: Params, user: User | None) -> Result:
        return {"workloadAccessToken": self._tokens.for_caller(scope, params["workloadName"], user)}
