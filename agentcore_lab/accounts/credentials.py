"""Credentials: a key, its secret, and whom they stand for."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from agentcore_lab.settings import LAB_KEY_PREFIX, LAB_TEMPORARY_KEY_PREFIX

_KEY_ALPHABET = string.ascii_uppercase + "234567"
_KEY_LENGTH = 20
_SECRET_BYTES = 30
_TOKEN_BYTES = 192


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs with (AWS: IAM access keys, temporary security credentials).

    ``principal_arn`` is what STS GetCallerIdentity answers for them. Temporary ones have a session token, and end at
    ``expires_at`` of the machine's clock: their holders keep that clock, whatever a lab does to the engine's.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    account_id: str
    principal_arn: str
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def environment(self) -> dict[str, str]:
        """The variables by which every AWS client takes them up."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        return variables | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})

    def shared_file(self) -> str:
        """The text of a shared credentials file that has them as its default profile."""
        token = f"aws_session_token = {self.session_token}\n" if self.session_token else ""
        return (
            f"[default]\naws_access_key_id = {self.access_key_id}\n"
            f"aws_secret_access_key = {self.secret_access_key}\n{token}"
        )


def new_credentials(account_id: str, principal_arn: str, expires_at: datetime | None = None) -> Credentials:
    """Credentials nobody has had before; temporary ones if they expire.

    Their forms are AWS's, the secret's 40 characters included. AWS issues no key with the lab's prefix: one that goes
    to AWS by mistake is refused.
    """
    prefix = LAB_KEY_PREFIX if expires_at is None else LAB_TEMPORARY_KEY_PREFIX
    rest = "".join(secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_LENGTH - len(prefix)))
    return Credentials(
        access_key_id=prefix + rest,
        secret_access_key=secrets.token_urlsafe(_SECRET_BYTES),
        account_id=account_id,
        principal_arn=principal_arn,
        session_token=None if expires_at is None else secrets.token_urlsafe(_TOKEN_BYTES),
        expires_at=expires_at,
    )


def user_arn(account_id: str) -> str:
    """The IAM user that an account's own credentials stand for."""
    return f"arn:aws:iam::{account_id}:user/agentcore-lab"


def role_session_arn(account_id: str, role_arn: str, session_name: str) -> str:
    """Who holds a role's temporary credentials; the role's path is not part of it (AWS: IAM identifiers)."""
    return f"arn:aws:sts::{account_id}:assumed-role/{role_arn.rpartition('/')[2]}/{session_name}"
