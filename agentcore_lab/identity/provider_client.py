"""The OAuth2 client that a credential provider is: its id, its secret from the vault, and how it says who it is."""

from __future__ import annotations

from agentcore_lab.identity.authorization_server import Client
from agentcore_lab.identity.oauth2_configuration import WITHOUT_SECRET
from agentcore_lab.identity.providers import CredentialProviders, Provider


def client_of(providers: CredentialProviders, provider: Provider) -> Client:
    """The client. Raises ValidationException when its secret is EXTERNAL, DecryptionFailure when it is lost."""
    method = provider.configuration.get("clientAuthenticationMethod")
    secret = None if method in WITHOUT_SECRET else providers.secret(provider)
    return Client(provider.configuration["clientId"] or "", secret, method)
