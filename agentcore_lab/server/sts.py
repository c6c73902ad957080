"""STS, answered by who knows: the engine has issued the credentials, and verifies what is signed with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from xml.sax.saxutils import escape

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.accounts.credentials import Credentials, role_session_arn
from agentcore_lab.authorization.principals import Caller
from agentcore_lab.errors import AwsError

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:[^/]+/)*[\w+=,.@-]{1,64}")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_HOUR = 3600
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

Form = Mapping[str, str]
Answer = dict[str, "str | Answer"]


class ValidationError(AwsError):
    """A parameter is missing or has no valid value (HTTP 400)."""

    code = "ValidationError"


class AccessDenied(AwsError):  # noqa: N818 - AWS's name
    """The caller may not have these credentials (HTTP 403)."""

    code = "AccessDenied"


class SecurityTokens:
    """Who a caller is, and temporary credentials that the engine's gate accepts.

    A role need not exist in IAM, and its trust policy is not asked: as everywhere here, IAM is stored without effect.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def answer(self, form: Form, caller: Caller, request_id: str) -> bytes | None:
        """The XML of an operation's answer; None for those that are moto's to answer.

        Raises:
            AwsError: as AWS does.
        """
        match form.get("Action"):
            case "GetCallerIdentity":
                result: Answer = {"Arn": caller.arn, "UserId": _unique(caller), "Account": caller.account_id}
            case "AssumeRole":
                result = self._assume_role(form, caller)
            case "GetSessionToken":
                issued = self._issue(form, caller.account_id, caller.arn, 12 * _HOUR, 36 * _HOUR)
                result = {"Credentials": _told(issued)}
            case "GetFederationToken":
                result = self._federation(form, caller)
            case "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML" | "AssumeRoot":
                raise AccessDenied(
                    f"agentcore-lab issues no credentials by {form['Action']}: nothing verifies its tokens here."
                )
            case _:
                return None
        return _xml(form["Action"], result, request_id)

    def _assume_role(self, form: Form, caller: Caller) -> Answer:
        arn, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
        role = _ROLE.fullmatch(arn)
        if role is None:
            raise ValidationError(f"{arn} is invalid")
        if not _SESSION_NAME.fullmatch(name):
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            )
        session = role_session_arn(role["account"], arn, name)
        # No trust policy can say that another account may: none is asked.
        if role["account"] != caller.account_id:
            raise AccessDenied(
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            )
        issued = self._issue(form, role["account"], session, _HOUR, 12 * _HOUR)
        holder = Caller(role["account"], session)
        return {
            "Credentials": _told(issued),
            "AssumedRoleUser": {"Arn": session, "AssumedRoleId": _unique(holder)},
        }

    def _federation(self, form: Form, caller: Caller) -> Answer:
        name = form.get("Name", "")
        if not _SESSION_NAME.fullmatch(name):
            raise ValidationError(f"Value '{name}' at 'name' is not valid")
        arn = f"arn:aws:sts::{caller.account_id}:federated-user/{name}"
        issued = self._issue(form, caller.account_id, arn, 12 * _HOUR, 36 * _HOUR)
        return {
            "Credentials": _told(issued),
            "FederatedUser": {"Arn": arn, "FederatedUserId": f"{caller.account_id}:{name}"},
        }

    def _issue(self, form: Form, account_id: str, arn: str, usual: int, most: int) -> Credentials:
        """Credentials for ``DurationSeconds``, 15 minutes at least (AWS: STS API reference)."""
        asked = form.get("DurationSeconds", str(usual))
        seconds = int(asked) if asked.isdecimal() else 0
        if not 900 <= seconds <= most:
            raise ValidationError(
                f"1 validation error detected: Value '{asked}' at 'durationSeconds' failed to satisfy constraint: "
                f"Member must have value between 900 and {most}"
            )
        if account_id not in {account.id for account in self._accounts.all()}:
            raise AccessDenied(
                f"Not authorized to perform: sts:AssumeRole: there is no account {account_id} here"
            )
        return self._accounts.issue_temporary(account_id, arn, timedelta(seconds=seconds))


def _told(issued: Credentials) -> Answer:
    assert issued.session_token is not None
    assert issued.expires_at is not None
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "SessionToken": issued.session_token,
        "Expiration": issued.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _unique(caller: Caller) -> str:
    """A unique id of AWS's form: the same for the same user or role (AWS: IAM identifiers)."""
    name, session = caller.role_arn or caller.arn, caller.arn.rpartition("/")[2]
    digits = hashlib.sha256(name.encode()).hexdigest()[:17].upper()
    return f"AROA{digits}:{session}" if caller.role_arn else f"AIDA{digits}"


def _xml(action: str, result: Answer, request_id: str) -> bytes:
    return (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{_members(result)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def _members(members: Answer) -> str:
    return "".join(
        f"<{name}>{_members(value) if isinstance(value, dict) else escape(value)}</{name}>"
        for name, value in members.items()
    )
