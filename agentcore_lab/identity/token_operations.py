"""The data-plane operations that give out tokens of workloads and the API keys they may use."""

from __future__ import annotations

from agentcore_lab.identity.provider_secrets import ProviderSecrets
from agentcore_lab.identity.providers import CredentialProviders, Kind
from agentcore_lab.identity.user_verification import UserVerification
from agentcore_lab.identity.users import User, named
from agentcore_lab.identity.workload_tokens import WorkloadTokens
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result


class TokenOperations:
    """GetWorkloadAccessToken in its three forms, and GetResourceApiKey."""

    def __init__(
        self,
        tokens: WorkloadTokens,
        providers: CredentialProviders,
        secrets: ProviderSecrets,
        verify: UserVerification,
    ) -> None:
        self._tokens = tokens
        self._providers = providers
        self._secrets = secrets
        self._verify = verify

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "GetWorkloadAccessToken": self.for_nobody,
            "GetWorkloadAccessTokenForJWT": self.for_token,
            "GetWorkloadAccessTokenForUserId": self.for_name,
            "GetResourceApiKey": self.api_key,
        }

    async def for_nobody(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadAccessToken."""
        return self._given(scope, params, None)

    async def for_token(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadAccessTokenForJWT."""
        return self._given(scope, params, await self._verify(params["userToken"]))

    async def for_name(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadAccessTokenForUserId."""
        return self._given(scope, params, named(params["userId"]))

    async def api_key(self, scope: Scope, params: Params) -> Result:
        """AWS: GetResourceApiKey."""
        self._tokens.read(scope, params["workloadIdentityToken"])
        provider = self._providers.get(scope, Kind.API_KEY, params["resourceCredentialProviderName"])
        return {"apiKey": await self._secrets.of(provider)}

    def _given(self, scope: Scope, params: Params, user: User | None) -> Result:
        return {"workloadAccessToken": self._tokens.for_caller(scope, params["workloadName"], user)}
