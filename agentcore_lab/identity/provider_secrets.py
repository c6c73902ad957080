"""What a provider proves itself with, wherever it lies: in the vault, or in its account's Secrets Manager or KMS."""

from __future__ import annotations

from typing import Protocol
from uuid import uuid4

from agentcore_lab.clock import machine_time
from agentcore_lab.identity.authorization_server import Client
from agentcore_lab.identity.client_assertion import SigningKeys, assertion_of
from agentcore_lab.identity.oauth2_configuration import WITHOUT_SECRET
from agentcore_lab.identity.providers import CredentialProviders, Provider
from agentcore_lab.identity.secret_source import EXTERNAL


class SecretStore(Protocol):
    """Where callers keep secrets of their own."""

    async def value(self, account_id: str, arn: str, json_key: str) -> str:
        """One value of a secret that holds a JSON object.

        Raises:
            ValidationException: there is no such secret, or it has no such value.
            AccessDeniedException: the account may not read it.
        """
        ...


class Kept(SecretStore, SigningKeys, Protocol):
    """All that callers keep themselves."""


class ProviderSecrets:
    """Fetches providers' secrets at the moment they are needed; none is kept."""

    def __init__(self, providers: CredentialProviders, external: Kept) -> None:
        self._providers = providers
        self._external = external

    async def of(self, provider: Provider) -> str:
        """The provider's secret.

        Raises:
            ValidationException, AccessDeniedException: it is EXTERNAL, and not to be had there.
            DecryptionFailure: the vault's key is lost.
        """
        reference = provider.secret
        if reference.source == EXTERNAL:
            assert reference.json_key is not None, "checked when it was given"
            return await self._external.value(provider.scope.account_id, reference.arn, reference.json_key)
        return self._providers.managed_secret(provider)

    async def client(self, provider: Provider) -> Client:
        """The OAuth2 client that the provider is. Raises as ``of`` does."""
        method = provider.configuration.get("clientAuthenticationMethod")
        secret = None if method in WITHOUT_SECRET else await self.of(provider)
        assertion = assertion_of(provider.configuration, provider.scope.account_id)

        async def proof(token_endpoint: str) -> str:
            assert assertion is not None, "asked for where the client signs"
            # Providers keep the machine's time, whatever the engine's clock shows.
            return await assertion.made(self._external, token_endpoint, machine_time(), str(uuid4()))

        return Client(
            provider.configuration["clientId"] or "", secret, method, None if assertion is None else proof
        )
