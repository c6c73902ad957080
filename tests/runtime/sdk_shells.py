"""The bedrock-agentcore SDK's own shell client, led to an engine of this machine.

Its URLs can only name AWS's hosts; everything after the URL is its own code.
"""

from __future__ import annotations

import warnings
from typing import Any

from agentcore_lab.discovery import RunningEngine
from tests.runtime.test_invocations import SESSION_HEADER
from tests.signing import signed

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pydantic's, of how the SDK configures its models
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient, ShellChannel, ShellFramer, ShellSession
    from bedrock_agentcore.runtime.shell import ReconnectConfig

__all__ = ["LocalClient", "ReconnectConfig", "ShellChannel", "ShellFramer", "ShellSession"]


class LocalClient(AgentCoreRuntimeClient):
    """The SDK's client, whose shells are this engine's."""

    def __init__(self, engine: RunningEngine) -> None:
        super().__init__("us-west-2")
        self._engine = engine

    def connect_shell(self, *args: Any, **kwargs: Any) -> tuple[str, dict[str, str]]:
        """The SDK's path and query at the engine's address, signed for that."""
        url = self._build_shell_url(args[0], kwargs["endpoint_name"], kwargs["shell_id"])
        path = url.removeprefix("wss://").partition("/")[2]
        here = f"{self._engine.url.replace('http', 'ws', 1)}/{path}"
        return here, signed("GET", here, headers={SESSION_HEADER: kwargs["session_id"]})
