"""Who the user of a JWT is, for a caller who has nothing but the token (AWS: get-workload-access-token)."""

from __future__ import annotations

import jwt

from agentcore_lab.errors import UnauthorizedException
from agentcore_lab.identity.tokens import MOST_CHARACTERS, JwtTokens
from agentcore_lab.identity.users import User, of_token
from agentcore_lab.runtime.inbound import TokenRefused

_CHALLENGE = 'Bearer error="invalid_token"'


class UserVerification:
    """Verifies a user's token by the keys its own issuer publishes: signature, issuer and times, and no more.

    Any issuer will do, as on AWS: what is kept for a user of one issuer is never that of another's user.
    """

    def __init__(self, tokens: JwtTokens) -> None:
        self._tokens = tokens

    async def __call__(self, token: str) -> User:
        """The user. Raises UnauthorizedException when the token is not to be believed."""
        issuer = _issuer(token)
        authorizer = {"discoveryUrl": f"{issuer.rstrip('/')}/.well-known/openid-configuration"}
        try:
            verified = await self._tokens.user(authorizer, token)
        except TokenRefused as refused:
            raise UnauthorizedException(
                f"The user token is refused. {refused.detail}", _CHALLENGE
            ) from refused
        if not verified.subject:
            raise UnauthorizedException("The user token has no subject.", _CHALLENGE)
        return of_token(verified.issuer, verified.subject, token)


def _issuer(token: str) -> str:
    """Whose the token says it is: that only tells where to look for the keys by which it must be signed."""
    issuer = None
    if len(token) <= MOST_CHARACTERS:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError):
            issuer = None
    if not isinstance(issuer, str) or not issuer.startswith(("https://", "http://")):
        raise UnauthorizedException("The user token is no JWT that names its issuer.", _CHALLENGE)
    return issuer
