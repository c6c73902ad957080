"""boto3 clients with which a build calls the engine, as the account it belongs to."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.codebuild.record import Account

_CONFIG = Config(retries={"total_max_attempts": 2}, read_timeout=300)


class EngineClients:
    """Makes clients of the engine at ``url``; each account's are made once, and may be used from any thread."""

    def __init__(self, url: str, accounts: Accounts) -> None:
        self._url = url
        self._accounts = accounts
        self._issued: dict[str, Credentials] = {}
        self._made: dict[tuple[Account, str], Any] = {}

    def admit(self, account: Account) -> None:
        """Look up the account's credentials, from the thread that the accounts belong to."""
        self._issued[account.id] = self._accounts.credentials(account.id)

    def of(self, account: Account, service: str) -> Any:
        """A client of ``service`` with the account's own credentials; the account has been admitted."""
        made = self._made.get((account, service))
        if made is None:
            issued = self._issued[account.id]
            session: Any = boto3.Session(
                aws_access_key_id=issued.access_key_id,
                aws_secret_access_key=issued.secret_access_key,
                region_name=account.region,
            )
            made = session.client(service, endpoint_url=self._url, config=_CONFIG)
            self._made[account, service] = made
        return made
