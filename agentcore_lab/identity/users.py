"""Who an agent acts for: a user known by a verified token, or by a name that the caller vouches for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class User:
    """One user. ``id`` tells users apart: a name and a token's subject are never the same user.

    ``token`` is the JWT by which the user is known, None where there is only a name.
    """

    id: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def artifact(self) -> str:
        """A digest of what the user showed to be known by: the JWT, or the name.

        A consent is bound to it and not to the user: another token of the same user is refused (AWS's answer to a
        report of the SDK's users, aws/bedrock-agentcore-sdk-typescript issue 37).
        """
        return hashlib.sha256((self.token or self.id).encode()).hexdigest()


def named(user_id: str) -> User:
    """The user of an opaque name (AWS: GetWorkloadAccessTokenForUserId)."""
    return User(json.dumps(["id", user_id]))


def of_token(issuer: str, subject: str, token: str) -> User:
    """The user of a verified JWT (AWS: get-workload-access-token; ``iss`` and ``sub`` identify the user)."""
    return User(json.dumps(["jwt", issuer, subject]), token)
