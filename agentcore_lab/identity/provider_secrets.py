"""The secret of a credential provider, wherever it lies: in the vault, or in its account's Secrets Manager."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.errors import AccessDeniedException, ValidationException
from agentcore_lab.identity.authorization_server import Client
from agentcore_lab.identity.oauth2_configuration import WITHOUT_SECRET
from agentcore_lab.identity.providers import CredentialProviders, Provider
from agentcore_lab.identity.secret_source import EXTERNAL

_PATIENCE = 30
_REFUSED = frozenset({"AccessDeniedException", "AccessDenied"})


class SecretStore(Protocol):
    """Where callers keep secrets of their own."""

    async def value(self, account_id: str, arn: str, json_key: str) -> str:
        """One value of a secret that holds a JSON object.

        Raises:
            ValidationException: there is no such secret, or it has no such value.
            AccessDeniedException: the account may not read it.
        """
        ...


class SecretsManager:
    """The Secrets Manager at ``url``, read as each secret's account: ``keys`` are the variables of its credentials."""

    def __init__(self, url: str, region: str, keys: Callable[[str], Mapping[str, str]]) -> None:
        self._url = url
        self._region = region
        self._keys = keys

    async def value(self, account_id: str, arn: str, json_key: str) -> str:
        """See ``SecretStore``."""
        text = await asyncio.to_thread(self._read, self._keys(account_id), arn)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        value = found.get(json_key) if isinstance(found, dict) else None
        if not isinstance(value, str) or not value:
            raise ValidationException(f"Secret {arn} holds no JSON object with a string for '{json_key}'.")
        return value

    def _read(self, keys: Mapping[str, str], arn: str) -> str:
        session = boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self._region,
        )
        config = Config(read_timeout=_PATIENCE, retries={"total_max_attempts": 1})
        client = session.client("secretsmanager", endpoint_url=self._url, config=config)
        try:
            answer: dict[str, Any] = client.get_secret_value(SecretId=arn)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # "Access denied when retrieving secret": observed by AWS's users; the other is chosen here.
            if code in _REFUSED:
                raise AccessDeniedException(f"Access denied when retrieving secret '{arn}'.") from None
            raise ValidationException(f"Secret {arn} cannot be retrieved: {code}.") from None
        except BotoCoreError as error:
            raise ValidationException(f"Secret {arn} cannot be retrieved ({type(error).__name__}).") from None
        finally:
            client.close()
        return str(answer.get("SecretString", ""))


class ProviderSecrets:
    """Fetches providers' secrets at the moment they are needed; none is kept."""

    def __init__(self, providers: CredentialProviders, external: SecretStore) -> None:
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
        return Client(provider.configuration["clientId"] or "", secret, method)
