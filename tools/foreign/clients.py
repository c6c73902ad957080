"""Leading the AWS clients that a foreign test makes to an engine."""

from __future__ import annotations

import boto3
import pytest

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.discovery import RunningEngine


def lead_clients_to(engine: RunningEngine, patch: pytest.MonkeyPatch) -> None:
    """Set the variables every AWS client reads, and unset what would make it another account's."""
    patch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials it found first
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    for name, value in client_environment(engine).items():
        patch.setenv(name, value)
