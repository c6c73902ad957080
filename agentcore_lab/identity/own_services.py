"""The services beside AgentCore in which callers keep what is theirs, asked as the caller's account asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.errors import AccessDeniedException, ValidationException
from agentcore_lab.json_text import read_json

_PATIENCE = 30
_REFUSED = frozenset({"AccessDeniedException", "AccessDenied"})


@dataclass(frozen=True, slots=True)
class OwnServices:
    """Secrets Manager and KMS at ``url``; ``keys`` are the variables of an account's credentials."""

    url: str
    region: str
    keys: Callable[[str], Mapping[str, str]]

    async def value(self, account_id: str, arn: str, json_key: str) -> str:
        """See ``SecretStore``."""
        try:
            answer = await self._ask(account_id, "secretsmanager", "get_secret_value", SecretId=arn)
        except ClientError as error:
            # "Access denied when retrieving secret": observed by AWS's users; the other is chosen here.
            if _code(error) in _REFUSED:
                raise AccessDeniedException(f"Access denied when retrieving secret '{arn}'.") from None
            raise ValidationException(f"Secret {arn} cannot be retrieved: {_code(error)}.") from None
        except BotoCoreError as error:
            raise ValidationException(f"Secret {arn} cannot be retrieved ({type(error).__name__}).") from None
        try:
            found = read_json(answer.get("SecretString", ""))
        except ValueError:
            found = None
        value = found.get(json_key) if isinstance(found, dict) else None
        if not isinstance(value, str) or not value:
            raise ValidationException(f"Secret {arn} holds no JSON object with a string for '{json_key}'.")
        return value

    async def sign(self, account_id: str, arn: str, algorithm: str, message: bytes) -> bytes:
        """See ``SigningKeys``. The message goes as it is: here it may be longer than the 4 KiB of AWS's KMS."""
        try:
            answer = await self._ask(
                account_id, "kms", "sign", KeyId=arn, Message=message, SigningAlgorithm=algorithm
            )
        except ClientError as error:
            if _code(error) in _REFUSED:
                raise AccessDeniedException(f"Access denied when signing with key '{arn}'.") from None
            raise ValidationException(f"Key {arn} cannot sign with {algorithm}: {_code(error)}.") from None
        except BotoCoreError as error:
            raise ValidationException(f"Key {arn} cannot be used ({type(error).__name__}).") from None
        return bytes(answer["Signature"])

    async def _ask(self, account_id: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        # Credentials are looked up here, in the thread that they belong to.
        return await asyncio.to_thread(self._asked, self.keys(account_id), service, operation, params)

    def _asked(
        self, keys: Mapping[str, str], service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        session: Any = boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self.region,
        )
        config = Config(read_timeout=_PATIENCE, retries={"total_max_attempts": 1})
        with closing(session.client(service, endpoint_url=self.url, config=config)) as client:
            answer: dict[str, Any] = getattr(client, operation)(**params)
            return answer


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
