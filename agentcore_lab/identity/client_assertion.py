"""Clients that prove with a signature who they are: ``PRIVATE_KEY_JWT`` (AWS: private-key-jwt; RFC 7523, 2.2)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from agentcore_lab.errors import InvalidField, ValidationException

PRIVATE_KEY_JWT = "PRIVATE_KEY_JWT"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_SECONDS = 300
"""AWS: "short-lived"; how long is chosen here."""

_KMS = MappingProxyType(
    {"RS256": "RSASSA_PKCS1_V1_5_SHA_256", "PS256": "RSASSA_PSS_SHA_256", "ES256": "ECDSA_SHA_256"}
)
_P256_BYTES = 32
_OWN_HEADER = frozenset({"alg", "typ"})
_OWN_PAYLOAD = frozenset({"iss", "sub", "jti", "exp", "iat", "nbf"})
_CONFIG = "privateKeyJwtConfig"


class SigningKeys(Protocol):
    """Where callers keep private keys of their own."""

    async def sign(self, account_id: str, arn: str, algorithm: str, message: bytes) -> bytes:
        """The signature of ``message``, by KMS's name of an algorithm.

        Raises:
            ValidationException: there is no such key, or it cannot sign so.
            AccessDeniedException: the account may not use it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Assertion:
    """How a client signs: with a key of its ``account_id``, and what its provider wants said besides."""

    client_id: str
    account_id: str
    key_arn: str
    algorithm: str
    header: Mapping[str, str]
    payload: Mapping[str, str]

    async def made(self, keys: SigningKeys, token_endpoint: str, now: datetime, number: str) -> str:
        """The assertion for a token endpoint; ``now`` is real time, ``number`` one that was never used before."""
        seconds = int(now.timestamp())
        own = {"iss": self.client_id, "sub": self.client_id, "aud": token_endpoint, "jti": number}
        times = {"iat": seconds, "nbf": seconds, "exp": seconds + _SECONDS}
        header = _encoded({**self.header, "alg": self.algorithm, "typ": "JWT"})
        message = f"{header}.{_encoded({**own, **self.payload, **times})}"
        signature = await keys.sign(self.account_id, self.key_arn, _KMS[self.algorithm], message.encode())
        if self.algorithm == "ES256":
            signature = _plain(signature)
        return f"{message}.{_base64(signature)}"


def assertion_of(configuration: Mapping[str, Any], account_id: str) -> Assertion | None:
    """How the client of a custom provider signs; None where it has a secret."""
    if configuration.get("clientAuthenticationMethod") != PRIVATE_KEY_JWT:
        return None
    config = configuration[_CONFIG]
    return Assertion(
        configuration["clientId"],
        account_id,
        config["privateKeySource"]["kmsKeySource"]["kmsKeyArn"],
        config["signingAlgorithm"],
        config.get("additionalHeaderClaims", {}),
        config.get("additionalPayloadClaims", {}),
    )


def signing_configuration(
    given: Mapping[str, Any], before: Mapping[str, Any], region: str
) -> dict[str, Any] | None:
    """The ``privateKeyJwtConfig`` to keep; None where the client does not sign.

    An update changes the fields that it has and leaves the others as they were ``before`` (AWS: PrivateKeyJwtConfig).

    Raises:
        ValidationException: key or algorithm are missing, the key is of another region, or a claim is the service's.
    """
    method, config = given.get("clientAuthenticationMethod"), given.get(_CONFIG)
    if method != PRIVATE_KEY_JWT:
        if config is not None:
            raise _wrong(_CONFIG, f"goes with the clientAuthenticationMethod {PRIVATE_KEY_JWT}")
        return None
    whole = {**before.get(_CONFIG, {}), **(config or {})}
    source = whole.get("privateKeySource", {}).get("kmsKeySource")
    if source is None:
        raise _wrong(f"{_CONFIG}.privateKeySource", f"is required for {PRIVATE_KEY_JWT}")
    if "signingAlgorithm" not in whole:
        raise _wrong(f"{_CONFIG}.signingAlgorithm", f"is required for {PRIVATE_KEY_JWT}")
    if source["kmsKeyArn"].split(":")[3] != region:
        raise _wrong(f"{_CONFIG}.privateKeySource.kmsKeySource.kmsKeyArn", f"must be of the region {region}")
    for member, own in (("additionalHeaderClaims", _OWN_HEADER), ("additionalPayloadClaims", _OWN_PAYLOAD)):
        if taken := sorted(own & whole.get(member, {}).keys()):
            raise _wrong(f"{_CONFIG}.{member}", f"must not have {', '.join(taken)}: the service sets them")
    return whole


def _plain(der: bytes) -> bytes:
    """An ECDSA signature as JWTs have it (RFC 7518, 3.4); KMS tells it in DER."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(plain: bytes) -> str:
    return urlsafe_b64encode(plain).rstrip(b"=").decode()


def _wrong(member: str, why: str) -> ValidationException:
    return ValidationException(f"{member} {why}.", fields=(InvalidField(member, why),))
