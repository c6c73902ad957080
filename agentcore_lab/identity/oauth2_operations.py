"""The control-plane operations on OAuth2 credential providers. What they answer never holds the client secret."""

from __future__ import annotations

from agentcore_lab.identity.api_key_operations import item, times
from agentcore_lab.identity.oauth2_configuration import read_configuration, shown
from agentcore_lab.identity.providers import CredentialProviders, Kind, Provider
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.paging import decode_token, page

PAGE = 20
"""Providers on a page, at most and where nothing is said (AWS: ListOauth2CredentialProviders, maxResults)."""

CALLBACK = "/identities/oauth2/callback/"
"""What a provider's callback URL has before the provider's own part (observed by AWS's users)."""


class Oauth2Operations:
    """Create, get, list, update and delete OAuth2 credential providers. ``url``: where browsers find the engine."""

    def __init__(self, providers: CredentialProviders, url: str) -> None:
        self._providers = providers
        self._url = url

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "CreateOauth2CredentialProvider": self.create,
            "GetOauth2CredentialProvider": self.get,
            "ListOauth2CredentialProviders": self.list,
            "UpdateOauth2CredentialProvider": self.update,
            "DeleteOauth2CredentialProvider": self.delete,
        }

    async def create(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateOauth2CredentialProvider."""
        vendor = params["credentialProviderVendor"]
        given = read_configuration(vendor, params["oauth2ProviderConfigInput"], scope.region)
        provider = self._providers.create(
            scope,
            Kind.OAUTH2,
            params["name"],
            given.secret,
            params.get("tags", {}),
            vendor=vendor,
            configuration=given.configuration,
        )
        return self._shown(provider)

    async def get(self, scope: Scope, params: Params) -> Result:
        """AWS: GetOauth2CredentialProvider."""
        return self._whole(self._providers.get(scope, Kind.OAUTH2, params["name"]))

    async def list(self, scope: Scope, params: Params) -> Result:
        """AWS: ListOauth2CredentialProviders, by name."""
        limit = params.get("maxResults", PAGE)
        found = self._providers.page(scope, Kind.OAUTH2, decode_token(params.get("nextToken")), limit + 1)
        items = [{**item(each), "credentialProviderVendor": each.vendor} for each in found[:limit]]
        return page("credentialProviders", items, items[-1]["name"] if len(found) > limit else None)

    async def update(self, scope: Scope, params: Params) -> Result:
        """AWS: UpdateOauth2CredentialProvider; the callback URL stays."""
        vendor, name = params["credentialProviderVendor"], params["name"]
        before = self._providers.get(scope, Kind.OAUTH2, name).configuration
        given = read_configuration(vendor, params["oauth2ProviderConfigInput"], scope.region, before)
        provider = self._providers.update(
            scope, Kind.OAUTH2, name, given.secret, vendor=vendor, configuration=given.configuration
        )
        return self._whole(provider)

    async def delete(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteOauth2CredentialProvider; users' tokens go with it."""
        self._providers.delete(scope, Kind.OAUTH2, params["name"])
        return {}

    def _shown(self, provider: Provider) -> Result:
        return {
            "name": provider.name,
            "credentialProviderArn": provider.arn,
            **provider.secret.shown("clientSecret"),
            "callbackUrl": callback_url(self._url, provider),
            "oauth2ProviderConfigOutput": shown(provider.configuration),
            "status": "READY",
        }

    def _whole(self, provider: Provider) -> Result:
        return {
            **self._shown(provider),
            **times(provider),
            "credentialProviderVendor": provider.vendor,
        }


def callback_url(url: str, provider: Provider) -> str:
    """Where the provider's authorization server sends users back to: an address of this provider alone."""
    return f"{url}{CALLBACK}{provider.configuration['callbackId']}"
