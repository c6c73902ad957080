"""From a started sandbox to a healthy agent: the wait, and what to say when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

from agentcore_lab.errors import RuntimeClientError
from agentcore_lab.runtime.endings import found_dead
from agentcore_lab.runtime.limits import STARTUP_BUDGET_SECONDS
from agentcore_lab.runtime.probe import connect
from agentcore_lab.runtime.protocols import Protocol
from agentcore_lab.sandbox.base import Backend

_FIRST_POLL_SECONDS = 0.03
_SLOWEST_POLL_SECONDS = 0.25
_POLL_TIMEOUT = aiohttp.ClientTimeout(total=5)
_LOG_LINES = 20


async def await_healthy(
    backend: Backend,
    client: aiohttp.ClientSession,
    sandbox_id: str,
    protocol: Protocol,
    budget: float,
    promised: int = STARTUP_BUDGET_SECONDS,
) -> str:
    """The agent's base address, once it has answered its health check for the first time.

    This waits in the container's own time, which no Clock can advance. ``budget`` is in seconds, ``promised``
    what AWS would give it.

    Raises:
        RuntimeClientError: the agent ended, or was not healthy within the budget; the container's last log lines
            follow AWS's message.
    """
    pause = _FIRST_POLL_SECONDS
    try:
        async with asyncio.timeout(budget):
            while True:
                if await _answers(client, address := await backend.address(sandbox_id), protocol):
                    assert address is not None
                    return address
                status = await backend.status(sandbox_id)
                if not status.running:
                    why = f"The container {found_dead(status)} while it started."
                    raise await start_failed(backend, sandbox_id, why, promised)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _SLOWEST_POLL_SECONDS)
    except TimeoutError:
        route = protocol.ping or f"port {protocol.port}"
        why = f"The container still runs, but {route} did not answer with 200 within {budget:g} s."
        raise await start_failed(backend, sandbox_id, why, promised) from None


async def start_failed(
    backend: Backend, sandbox_id: str, why: str, promised: int = STARTUP_BUDGET_SECONDS
) -> RuntimeClientError:
    """AWS's message for a start that failed, then what happened here."""
    return RuntimeClientError(
        "Runtime initialization time exceeded. Please make sure that initialization completes in "
        f"{promised}s. {why}{await log_tail(backend, sandbox_id)}"
    )


async def log_tail(backend: Backend, sandbox_id: str) -> str:
    """The container's last log lines as the end of an error message."""
    return as_tail(await backend.logs(sandbox_id, _LOG_LINES))


def as_tail(lines: Sequence[str]) -> str:
    """Log lines as the end of an error message."""
    if not lines:
        return "\nThe container wrote no log."
    return "\nLast lines of the container's log:\n" + "\n".join(lines[-_LOG_LINES:])


async def _answers(client: aiohttp.ClientSession, address: str | None, protocol: Protocol) -> bool:
    if address is None:
        return False
    try:
        if protocol.ping is None:
            await connect(address)
            return True
        async with client.get(address + protocol.ping, timeout=_POLL_TIMEOUT) as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
