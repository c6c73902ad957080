"""Who calls, and whom a statement means (AWS: IAM JSON policy elements, Principal)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

EVERYONE = "*"

Principal = Mapping[str, Sequence[str]]
"""Kind → who: ``AWS`` (accounts, users, roles, sessions of roles), ``Service``, ``Federated``, ``CanonicalUser``."""

KINDS = ("AWS", "Service", "Federated", "CanonicalUser")

_AWS = re.compile(
    r"\*|\d{12}|arn:aws(?:-[a-z-]+)?:(?:iam::\d{12}:(?:root|(?:user|role)/[^*?]+)"
    r"|sts::\d{12}:(?:assumed-role|federated-user)/[^*?]+)"
)
_SESSION = re.compile(
    r"(?P<partition>arn:aws(?:-[a-z-]+)?):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+"
)
_TYPES = {"user": "User", "assumed-role": "AssumedRole", "federated-user": "FederatedUser", "root": "Account"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: the account and the ARN that AWS STS would name (GetCallerIdentity)."""

    account_id: str
    arn: str

    @property
    def role_arn(self) -> str | None:
        """The role of a session; without its path, which the session's ARN does not have."""
        match = _SESSION.fullmatch(self.arn)
        return f"{match['partition']}:iam::{match['account']}:role/{match['role']}" if match else None

    def keys(self) -> dict[str, str]:
        """The condition keys on the principal. ``aws:userid`` is missing: no directory knows unique ids."""
        kind, _, name = self.arn.split(":", 5)[-1].partition("/")
        keys = {
            "aws:PrincipalAccount": self.account_id,
            "aws:PrincipalArn": self.role_arn or self.arn,
            "aws:PrincipalType": _TYPES.get(kind, "User"),
            "aws:PrincipalIsAWSService": "false",
        }
        if kind == "user":
            keys["aws:username"] = name.rpartition("/")[2]
        return keys


def means(principal: Principal, caller: Caller) -> bool:
    """Whether the element names the caller. Services and identity providers never call here."""
    return any(_is(each, caller) for each in principal.get("AWS", ()))


def _is(named: str, caller: Caller) -> bool:
    if named == EVERYONE or named == caller.arn:
        return True
    if named == caller.account_id or re.fullmatch(rf"arn:aws[a-z-]*:iam::{caller.account_id}:root", named):
        return True
    role = caller.role_arn
    if role is None or ":role/" not in named:
        return False
    account, _, path = named.partition(":role/")
    return f"{account}:role/{path.rpartition('/')[2]}" == role


def faults(principal: Principal) -> Iterator[str]:
    """What AWS refuses in a Principal: unknown kinds, no one, and ARNs with wild cards in them."""
    for kind, named in principal.items():
        if kind not in KINDS:
            yield f"Principal {kind} is unknown: use {', '.join(KINDS)}"
        if not named:
            yield f"Principal {kind} names no one"
        if kind == "AWS":
            yield from (f"Principal {each!r} is not valid" for each in named if not _AWS.fullmatch(each))
