"""Leading the AWS clients that a foreign test makes to an engine."""

from __future__ import annotations

import pytest

from agentcore_lab.settings import Settings


def lead_clients_to(url: str, settings: Settings, patch: pytest.MonkeyPatch) -> None:
    """Set the variables every AWS client reads, and unset what would make it another account's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    for name, value in settings.client_environment(url).items():
        patch.setenv(name, value)
