"""Tools for any MCP client: AgentCore finds them at port 8000, path /mcp.

As AgentCore's own default the server is stateless: no request knows of another, and the platform makes the session id.
STATEFUL=1 keeps sessions in the server; only then can a tool ask its client something while it runs.
"""

import asyncio
import os

from mcp.server.fastmcp import Context, FastMCP
from pydantic import BaseModel

STATEFUL = os.environ.get("STATEFUL") == "1"

# With the host 0.0.0.0 FastMCP looks at no Host header: requests come here through the platform alone.
mcp = FastMCP("calculator", host="0.0.0.0", port=8000, stateless_http=not STATEFUL, log_level="WARNING")

# Every session has a machine of its own, so this is one client's memory, in both modes.
results = []


@mcp.tool()
def add(a: float, b: float) -> float:
    """Add two numbers."""
    results.append(a + b)
    return results[-1]


@mcp.tool()
def multiply(a: float, b: float) -> float:
    """Multiply two numbers."""
    results.append(a * b)
    return results[-1]


@mcp.tool()
def history() -> list[float]:
    """All results of this session, oldest first."""
    return results


@mcp.tool()
async def count(to: int, context: Context, interval: float = 0.1) -> int:
    """Count slowly, and tell the client after each step how far it is; the interval is in seconds."""
    for step in range(1, to + 1):
        await asyncio.sleep(interval)
        await context.report_progress(step, to, f"{step} of {to}")
    return to


class Limit(BaseModel):
    """What the client is asked for."""

    limit: float


if STATEFUL:

    @mcp.tool()
    async def add_within_limit(a: float, b: float, context: Context) -> str:
        """Add two numbers if the sum stays within a limit, for which the tool asks the user."""
        answer = await context.elicit(f"What may {a:g} + {b:g} come to at most?", Limit)
        if answer.action != "accept":
            return "Nothing was added: no limit was given."
        return f"{add(a, b):g}" if a + b <= answer.data.limit else f"More than {answer.data.limit:g}."


if __name__ == "__main__":
    mcp.run(transport="streamable-http")
