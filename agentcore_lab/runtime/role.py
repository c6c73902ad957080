"""What an agent signs with: temporary credentials of its runtime's execution role.

AWS hands them out through a metadata service in the microVM. SDKs ask such a service over HTTP at link-local addresses
alone, or ask instance metadata at an address of the environment, with which every sandbox would show what leads to its
credentials. Here they lie in a file, which all AWS SDKs read as well, and no inspection of a container shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.accounts.credentials import role_session_arn
from agentcore_lab.runtime.lifecycle import lifecycle_of
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.versions import Version

CREDENTIALS_FILE = "/run/agentcore-lab/credentials"
VARIABLES = {"AWS_SHARED_CREDENTIALS_FILE": CREDENTIALS_FILE}

_BEYOND = timedelta(hours=1)
"""They outlast the session, whose last minute is for what it has to save. The file is written once."""


class RoleSessions:
    """Issues credentials to agents."""

    def __init__(self, accounts: Accounts, scopes: Scopes) -> None:
        self._accounts = accounts
        self._scopes = scopes

    def files(self, sandbox_id: str, version: Version) -> Mapping[str, str]:
        """The files of one sandbox of ``version``: credentials that last as long as it may live."""
        account_id = self._scopes.of(version.runtime_id).account_id
        holder = role_session_arn(account_id, version.spec["roleArn"], f"BedrockAgentCore-{sandbox_id}")
        lifetime = lifecycle_of(version.spec).max_lifetime + _BEYOND
        return {CREDENTIALS_FILE: self._accounts.issue_temporary(account_id, holder, lifetime).shared_file()}
