"""Which session an invocation belongs to (AWS: runtime-mcp-protocol-contract, session management).

Every protocol but MCP names its session by the header of AgentCore. MCP clients know only Mcp-Session-Id: the platform
gives one to a client that has none, and takes the one a stateful server made itself as another name of the session.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.jsonrpc import RpcHead

_REMEMBERED = 10_000


class McpSessionNotFound(AwsError):  # noqa: N818 - a state, named as one
    """The MCP session has ended: its client has to initialize anew (HTTP 404, as the MCP specification has it)."""

    code = "McpSessionNotFound"


@dataclass(frozen=True, slots=True)
class Belongs:
    """The session of one call, and the MCP session id the server is told; None for the server to make its own."""

    session_id: str
    told: str | None = None


class McpNames:
    """The names MCP servers gave their sessions, of one engine's life."""

    def __init__(self, has_ended: Callable[[str, str], bool]) -> None:
        self._has_ended = has_ended
        self._sessions: OrderedDict[tuple[str, str], str] = OrderedDict()

    def belongs(self, runtime_id: str, params: Mapping[str, Any], head: RpcHead) -> Belongs:
        """The session of an MCP call.

        A call without an id is told the one the platform gives it, unless it is ``initialize``: a stateful server
        takes an id there that it did not give for a session it has lost.

        Raises:
            McpSessionNotFound: the session the call names has ended.
        """
        given = params.get("mcpSessionId")
        if given is None:
            session_id = params.get("runtimeSessionId") or str(uuid.uuid4())
            return Belongs(session_id, None if head.method == "initialize" else session_id)
        session_id = self._sessions.get((runtime_id, given), given)
        if self._has_ended(runtime_id, session_id):
            raise McpSessionNotFound(
                f"MCP session '{given}' of agent '{runtime_id}' has ended. Initialize a new one."
            )
        return Belongs(session_id, given)

    def learn(self, runtime_id: str, name: str, session_id: str) -> None:
        """From now on calls with the id ``name`` belong to ``session_id``."""
        if name != session_id:
            self._sessions[runtime_id, name] = session_id
            if len(self._sessions) > _REMEMBERED:
                self._sessions.popitem(last=False)
