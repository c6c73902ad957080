"""Access keys that IAM hands out to users: the engine's door takes them, under secrets of its own."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.authorization.principals import Caller

_KEY = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_USER = re.compile(rb"<UserName>([^<]+)</UserName>")
_SECRET = re.compile(rb"<SecretAccessKey>[^<]*</SecretAccessKey>")


class AccessKeys:
    """Follows moto's answers about keys; moto keeps the list of them."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def put_right(self, body: bytes, answer: bytes, caller: Caller) -> bytes:
        """moto's good answer to an IAM request of ``body``, a new key's secret exchanged for one that is good."""
        form = dict(parse_qsl(body.decode(errors="replace")))
        if form.get("Action") == "DeleteAccessKey":
            self._accounts.revoke(caller.account_id, form.get("AccessKeyId", ""))
        key, user = _KEY.search(answer), _USER.search(answer)
        if form.get("Action") != "CreateAccessKey" or key is None or user is None:
            return answer
        arn = f"arn:aws:iam::{caller.account_id}:user/{user[1].decode()}"
        issued = self._accounts.issue_to_user(caller.account_id, arn, key[1].decode())
        return _SECRET.sub(f"<SecretAccessKey>{issued.secret_access_key}</SecretAccessKey>".encode(), answer)
