"""Workload access tokens: who an agent is and for whom it acts; opaque, short-lived, of use to this engine alone."""

from __future__ import annotations

import binascii
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agentcore_lab.clock import Clock
from agentcore_lab.errors import (
    AccessDeniedException,
    ResourceNotFoundException,
    ValidationException,
)
from agentcore_lab.identity.users import User
from agentcore_lab.identity.workload import WorkloadIdentities
from agentcore_lab.runtime.arn import Scope

LIFETIME = timedelta(minutes=15)
"""Observed by AWS's users (CONTRACT: section 6); AWS documents none."""

_NONCE_BYTES = 12
_ABOUT = b"agentcore-lab workload access token"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a valid token says: the workload it was given to, and the user that workload acts for, if any."""

    workload: str
    user: User | None


class WorkloadTokens:
    """Mints and reads tokens. They are sealed with a key of this process: an engine that ends takes them with it."""

    def __init__(self, identities: WorkloadIdentities, clock: Clock) -> None:
        self._identities = identities
        self._clock = clock
        self._cipher = AESGCM(AESGCM.generate_key(256))

    def for_caller(self, scope: Scope, workload: str, user: User | None) -> str:
        """A token for a caller who names a workload.

        Raises:
            ResourceNotFoundException: no such workload identity.
            ValidationException: it is a runtime's, which gets its tokens from the engine (AWS:
                get-workload-access-token).
        """
        if self._identities.get(scope, workload).runtime_id is not None:
            raise ValidationException(
                "WorkloadIdentity is linked to a service and cannot retrieve an access token by the caller."
            )
        return self.mint(scope, workload, user)

    def mint(self, scope: Scope, workload: str, user: User | None) -> str:
        """A token for a workload and the user it acts for. Raises ResourceNotFoundException."""
        identity = self._identities.get(scope, workload)
        said = {
            "account": scope.account_id,
            "region": scope.region,
            "workload": workload,
            "since": identity.created_at.isoformat(),
            "user": user.id if user else None,
            "userToken": user.token if user else None,
            "until": (self._clock.now() + LIFETIME).timestamp(),
        }
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(said).encode(), _ABOUT)
        return urlsafe_b64encode(nonce + sealed).decode()

    def read(self, scope: Scope, token: str) -> Bearer:
        """What a token says.

        Raises:
            AccessDeniedException: it is none of this engine's, of another account or region, or has expired; or its
                workload identity is gone, even if another has its name by now.
        """
        try:
            raw = urlsafe_b64decode(token.encode())
            said = json.loads(self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _ABOUT))
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise _refused() from error
        if (said["account"], said["region"]) != (scope.account_id, scope.region):
            raise _refused()
        if self._clock.now() >= datetime.fromtimestamp(said["until"], UTC):
            raise AccessDeniedException(
                f"The workload access token has expired: it lasts {LIFETIME.seconds // 60} minutes."
            )
        try:
            identity = self._identities.get(scope, said["workload"])
        except ResourceNotFoundException as error:
            raise _refused() from error
        if identity.created_at.isoformat() != said["since"]:
            raise _refused()
        user = User(said["user"], said["userToken"]) if said["user"] is not None else None
        return Bearer(said["workload"], user)


def _refused() -> AccessDeniedException:
    return AccessDeniedException("The workload access token is not valid.")
