"""Numbers AWS sets, each with the page that sets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_PAYLOAD_BYTES = 100_000_000
"""Request and response of one invocation (AWS: InvokeAgentRuntime, payload 0–100,000,000 bytes)."""

SYNCHRONOUS_TIMEOUT_SECONDS = 15 * 60
"""A request that is not streamed (AWS: bedrock-agentcore-limits)."""

STREAMING_TIMEOUT_SECONDS = 60 * 60
"""An answer that is a stream of events (AWS: bedrock-agentcore-limits)."""

MAX_HEADER_VALUE_BYTES = 4096
"""One header of a version's allow-list (AWS: runtime-header-allowlist)."""

WEBSOCKET_FRAME_BYTES = 64 * 1024
"""The payload of one WebSocket frame, in either direction (AWS: bedrock-agentcore-limits)."""

WEBSOCKET_FRAMES_PER_SECOND = 250
"""What a client may send on one connection (AWS: bedrock-agentcore-limits).

What an agent sends is not counted, which is ours: frames that wait for a slow client all come at once afterwards.
"""

WEBSOCKET_SECONDS = 60 * 60
"""How long one WebSocket may be open (AWS: bedrock-agentcore-limits)."""

STARTUP_BUDGET_SECONDS = 120
"""From container start to the first healthy answer (AWS: bedrock-agentcore-limits, container runtimes)."""

CODE_STARTUP_BUDGET_SECONDS = 30
"""The same for a code artifact (AWS: bedrock-agentcore-limits).

Said, not held to: an emulated ARM64 takes several times as long as AWS's, so that code has a container's time here.
"""

WARM_UP_BUDGET_SECONDS = 120
"""The build warm-up hook's answer (AWS: hooksConfiguration, any 2xx within 120 s)."""

STOP_GRACE_SECONDS = 15
"""Between SIGTERM and the end (AWS: runtime-lifecycle-settings)."""

MAX_SESSION_ID = 256
MIN_SESSION_ID = 33

PING_SECONDS = 2.0
"""Between two health checks of a session (observed of AWS; no page names it)."""

PING_TIMEOUT_SECONDS = 5.0
"""How long one health check may take (AWS names no number: chosen here)."""

SLOW_PING_SECONDS = 1.0
"""From here on a health check is told to the learner as slow (chosen here)."""

IDLE_CONNECTION_SECONDS = 1.0
"""After which a connection to an agent is not used again (chosen here).

Servers close theirs after a while of silence, uvicorn and Node.js after five seconds. A call that goes out at that very
moment is lost, and nobody can know whether the agent has begun with it; so the engine lets go long before they do.
"""

UNHEALTHY_AFTER = 5
"""Health checks that fail in succession until a session is ended (AWS names no number: chosen here)."""

SESSION_STORAGE_BYTES = 1_000_000_000
"""What one session may store at one mount path (AWS: 1 GB; runtime-persistent-filesystems)."""

SESSION_STORAGE_DAYS = 14
"""Without use, until what a session stored is deleted (AWS: runtime-persistent-filesystems)."""

LOG_TAIL_LINES = 50
"""How much of an ended session's log is kept."""

MAX_ACTIVE_SESSIONS = 2_500
MAX_ACTIVE_SESSIONS_LARGE_REGIONS = 5_000
_LARGE_REGIONS = frozenset({"us-east-1", "us-west-2"})


def startup_budget(spec: Mapping[str, Any]) -> int:
    """How many seconds AWS gives an agent of this configuration to start."""
    is_code = "codeConfiguration" in spec.get("agentRuntimeArtifact", {})
    return CODE_STARTUP_BUDGET_SECONDS if is_code else STARTUP_BUDGET_SECONDS


def max_active_sessions(region: str) -> int:
    """Sessions of an account that may live at once (AWS: bedrock-agentcore-limits)."""
    return MAX_ACTIVE_SESSIONS_LARGE_REGIONS if region in _LARGE_REGIONS else MAX_ACTIVE_SESSIONS


COMMAND_TIMEOUT_SECONDS = 300
"""How long a command may take if its caller does not say (AWS: InvokeAgentRuntimeCommandRequestBody)."""

MAX_COMMAND_TIMEOUT_SECONDS = 3600
"""How long a caller may let a command take (AWS: InvokeAgentRuntimeCommandRequestBody)."""

MAX_COMMAND_EVENT_BYTES = 64 * 1024
"""One event of a command's answer (AWS: bedrock-agentcore-limits)."""

MAX_COMMAND_OUTPUT_BYTES = 100_000_000
"""All a command may write (AWS: bedrock-agentcore-limits)."""

MAX_SHELLS = 10
"""Shells of a runtime with a client (AWS: runtime-get-started-command-shell)."""

SHELL_CONNECTION_SECONDS = 3600
"""How long one connection to a shell may last (AWS: bedrock-agentcore-limits)."""

SHELL_FRAME_BYTES = 64 * 1024
"""One frame to or from a shell (AWS: bedrock-agentcore-limits)."""

SHELL_REPLAY_BYTES = 256 * 1024
"""How much of a shell's output a client that comes back is shown (AWS: bedrock-agentcore-limits)."""
