"""From a bearer token to the claims it proves, or to why it is refused.

Cheap checks go first: nothing is fetched for what cannot be a token, and nothing that a token says of where its key is
(``jku``, ``x5u``, ``jwk``, ``x5c``) is looked at.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import jwt

from agentcore_lab.clock import Clock
from agentcore_lab.identity.claims import Authorizer, faults
from agentcore_lab.identity.documents import Unavailable
from agentcore_lab.identity.jwks import ALGORITHMS, Issuers
from agentcore_lab.json_text import read_json
from agentcore_lab.runtime.inbound import TokenRefused, TokenUser, Why

MOST_CHARACTERS = 32 * 1024
"""Of a token; more than any issuer's, and what a header may hold (server/doors.py)."""

_JWS = jwt.PyJWS(algorithms=sorted(ALGORITHMS))


class JwtTokens:
    """Verifies tokens for ``customJWTAuthorizer`` configurations."""

    def __init__(self, issuers: Issuers, clock: Clock) -> None:
        self._issuers = issuers
        self._clock = clock

    async def user(self, authorizer: Authorizer, token: str) -> TokenUser:
        """Whom the token speaks for. Raises TokenRefused."""
        kid, algorithm = _header(token)
        try:
            issuer, keys = await self._issuers.keys(authorizer["discoveryUrl"], kid, algorithm)
        except Unavailable as error:
            raise TokenRefused(Why.KEYS, f"The issuer's keys cannot be had: {error}.") from error
        if not keys:
            raise TokenRefused(Why.SIGNATURE, "No key that the issuer publishes is the one the token names.")
        claims = _claims(token, algorithm, keys)
        if wrong := faults(claims, issuer.name, authorizer, self._clock):
            scope = all(fault.claim == "scope" for fault in wrong)
            raise TokenRefused(Why.SCOPE if scope else Why.CLAIMS, " ".join(fault.message for fault in wrong))
        subject = claims.get("sub")
        return TokenUser(issuer.name, subject if isinstance(subject, str) else None, claims, token)


def _header(token: str) -> tuple[str | None, str]:
    """Which key the token says it is signed with, and how."""
    if len(token) > MOST_CHARACTERS:
        raise TokenRefused(Why.FORM, f"It has more than {MOST_CHARACTERS} characters.")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts[:2]):
        raise TokenRefused(Why.FORM, "It is no signed JWT.")
    header = _json(parts[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefused(
            Why.FORM, f"Its algorithm is {json.dumps(algorithm)[:40]}, which nobody can trust."
        )
    if not isinstance(kid, str | None) or "crit" in header:
        raise TokenRefused(Why.FORM, "Its header asks for what is not supported.")
    return kid, algorithm


def _claims(token: str, algorithm: str, keys: list[jwt.PyJWK]) -> Mapping[str, Any]:
    for key in keys:
        try:
            payload = _JWS.decode(token, key, algorithms=[algorithm])
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRefused(Why.FORM, "It is no signed JWT.") from error
        return _parsed(payload)
    raise TokenRefused(Why.SIGNATURE, "The token's signature is not the issuer's.")


def _json(part: str) -> Mapping[str, Any]:
    try:
        return _parsed(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError) as error:
        raise TokenRefused(Why.FORM, "It is no signed JWT.") from error


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        value = read_json(content)
    except ValueError as error:
        raise TokenRefused(Why.FORM, "It is no signed JWT.") from error
    if not isinstance(value, dict):
        raise TokenRefused(Why.FORM, "It is no signed JWT.")
    return value
