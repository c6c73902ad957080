"""Numbers AWS sets, each with the page that sets it."""

from __future__ import annotations

MAX_PAYLOAD_BYTES = 100_000_000
"""Request and response of one invocation (AWS: InvokeAgentRuntime, payload 0–100,000,000 bytes)."""

SYNCHRONOUS_TIMEOUT_SECONDS = 15 * 60
"""A request that is not streamed (AWS: bedrock-agentcore-limits)."""

STARTUP_BUDGET_SECONDS = 120
"""From container start to the first healthy answer (AWS: bedrock-agentcore-limits, container runtimes)."""

WARM_UP_BUDGET_SECONDS = 120
"""The build warm-up hook's answer (AWS: hooksConfiguration, any 2xx within 120 s)."""

STOP_GRACE_SECONDS = 15
"""Between SIGTERM and the end (AWS: runtime-lifecycle-settings)."""

MAX_SESSION_ID = 256
MIN_SESSION_ID = 33
