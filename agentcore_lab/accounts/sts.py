"""Credentials that STS and IAM hand out: the engine's own, so that its door takes them."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.authorization.principals import Caller

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/.+")
_ELEMENT = re.compile(rb"<(\w+)>([^<]*)</\1>")
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def form_of(body: bytes) -> dict[str, str]:
    """The parameters of a call in the query protocol."""
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def foreign_role(form: Mapping[str, str], caller: Caller) -> str | None:
    """Why a caller may not assume the role it asks for: one of another account. Trust policies are not evaluated."""
    match = _ROLE.fullmatch(form.get("RoleArn", ""))
    if form.get("Action") != "AssumeRole" or match is None or match["account"] == caller.account_id:
        return None
    return f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn']}"


def identity(caller: Caller, request_id: str) -> bytes:
    """GetCallerIdentity's answer. Ids are made of the ARN: no directory knows unique ones."""
    kind, _, name = caller.arn.split(":", 5)[-1].partition("/")
    unique = base64.b32encode(hashlib.sha256(caller.arn.encode()).digest()).decode()[:17]
    user_id = f"AROA{unique}:{name.rpartition('/')[2]}" if kind == "assumed-role" else f"AIDA{unique}"
    return (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult><Arn>{escape(caller.arn)}</Arn>'
        f"<UserId>{escape(user_id)}</UserId><Account>{caller.account_id}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    ).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom an answer has credentials: temporary ones until ``ends``, or a user's under a key that IAM knows."""

    principal_arn: str
    access_key_id: str
    ends: datetime | None


def asked_for(answer: bytes, caller: Caller) -> Asked | None:
    """Whose credentials are in an answer to ``caller``; None where there are none, or none of the caller's account."""
    found = {name.decode(): html.unescape(text.decode()) for name, text in _ELEMENT.findall(answer)}
    if not {"AccessKeyId", "SecretAccessKey"} <= found.keys():
        return None
    arn = found.get("Arn") or caller.arn
    if "UserName" in found:
        arn = f"arn:aws:iam::{caller.account_id}:user/{found['UserName']}"
    if arn.split(":")[4] != caller.account_id:
        return None
    ends = found.get("Expiration")
    return Asked(arn, found["AccessKeyId"], datetime.fromisoformat(ends) if ends else None)


def with_credentials(answer: bytes, issued: Credentials) -> bytes:
    """The answer with the engine's credentials in the place of moto's, some of which are everybody's."""
    values = {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "SessionToken": issued.session_token or "",
    }
    return _ELEMENT.sub(lambda match: _element(match, values), answer)


def _element(match: re.Match[bytes], values: Mapping[str, str]) -> bytes:
    name = match[1].decode()
    return f"<{name}>{values[name]}</{name}>".encode() if name in values else match[0]
