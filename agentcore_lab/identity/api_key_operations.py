"""The control-plane operations on API-key credential providers. What they answer never holds the key."""

from __future__ import annotations

from agentcore_lab.identity.providers import CredentialProviders, Kind, Provider
from agentcore_lab.identity.secret_source import secret_input
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.paging import decode_token, page

PAGE = 100
"""Providers on a page, at most and where nothing is said (AWS: ListApiKeyCredentialProviders, maxResults)."""


class ApiKeyOperations:
    """Create, get, list, update and delete API-key credential providers."""

    def __init__(self, providers: CredentialProviders) -> None:
        self._providers = providers

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "CreateApiKeyCredentialProvider": self.create,
            "GetApiKeyCredentialProvider": self.get,
            "ListApiKeyCredentialProviders": self.list,
            "UpdateApiKeyCredentialProvider": self.update,
            "DeleteApiKeyCredentialProvider": self.delete,
        }

    async def create(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateApiKeyCredentialProvider."""
        secret = secret_input(params, "apiKey", "apiKeySecret")
        provider = self._providers.create(scope, Kind.API_KEY, params["name"], secret, params.get("tags", {}))
        return _shown(provider)

    async def get(self, scope: Scope, params: Params) -> Result:
        """AWS: GetApiKeyCredentialProvider."""
        return _whole(self._providers.get(scope, Kind.API_KEY, params["name"]))

    async def list(self, scope: Scope, params: Params) -> Result:
        """AWS: ListApiKeyCredentialProviders, by name."""
        limit = params.get("maxResults", PAGE)
        found = self._providers.page(scope, Kind.API_KEY, decode_token(params.get("nextToken")), limit + 1)
        items = [item(provider) for provider in found[:limit]]
        return page("credentialProviders", items, items[-1]["name"] if len(found) > limit else None)

    async def update(self, scope: Scope, params: Params) -> Result:
        """AWS: UpdateApiKeyCredentialProvider."""
        secret = secret_input(params, "apiKey", "apiKeySecret")
        return _whole(self._providers.update(scope, Kind.API_KEY, params["name"], secret))

    async def delete(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteApiKeyCredentialProvider."""
        self._providers.delete(scope, Kind.API_KEY, params["name"])
        return {}


def item(provider: Provider) -> Result:
    """What every listing tells of a provider."""
    return {"name": provider.name, "credentialProviderArn": provider.arn, **times(provider)}


def times(provider: Provider) -> Result:
    """When it was made and changed."""
    return {"createdTime": provider.created_at, "lastUpdatedTime": provider.last_updated_at}


def _shown(provider: Provider) -> Result:
    return {
        "name": provider.name,
        "credentialProviderArn": provider.arn,
        **provider.secret.shown("apiKeySecret"),
    }


def _whole(provider: Provider) -> Result:
    return {**_shown(provider), **times(provider)}
