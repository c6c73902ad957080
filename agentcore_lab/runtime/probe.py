"""Asking one agent for its health: a GET of /ping, or, where the protocol has none, a connection to its port."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from agentcore_lab.clock import Clock, stopwatch
from agentcore_lab.runtime.health import HealthStatus, Report, read_answer
from agentcore_lab.runtime.limits import PING_TIMEOUT_SECONDS, SLOW_PING_SECONDS
from agentcore_lab.runtime.protocols import Protocol
from agentcore_lab.sandbox.base import Backend, SandboxError, SandboxStatus

_LONGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Probe:
    """How agents are asked. Each question stands alone: one that hangs keeps none of the others waiting."""

    backend: Backend
    client: aiohttp.ClientSession
    clock: Clock

    async def ask(self, sandbox_id: str, address: str, protocol: Protocol) -> Report | SandboxStatus:
        """The agent's answer, or how its sandbox ended; it takes PING_TIMEOUT_SECONDS at most.

        An agent that has not answered after a second may be dead: only then, and when it cannot be reached, is the
        backend asked, so that a round of health checks costs the container engine nothing.
        """
        began = stopwatch()
        answering = asyncio.create_task(self._answer(address, protocol, began))
        try:
            await asyncio.wait({answering}, timeout=SLOW_PING_SECONDS)
            if not answering.done() and (death := await self._death(sandbox_id)):
                return death
            return await asyncio.wait_for(answering, PING_TIMEOUT_SECONDS - SLOW_PING_SECONDS)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if death := await self._death(sandbox_id):
                return death
            return Report(HealthStatus.UNHEALTHY, _since(began), problem=_problem(error, protocol))
        finally:
            answering.cancel()

    async def _answer(self, address: str, protocol: Protocol, began: float) -> Report:
        if protocol.ping is None:
            await connect(address)
            return Report(HealthStatus.HEALTHY, _since(began))
        # Redirects are no 200: nobody follows them to a page that happens to be there.
        async with self.client.get(address + protocol.ping, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    break
            return read_answer(response.status, bytes(body), _since(began), self.clock.at)

    async def _death(self, sandbox_id: str) -> SandboxStatus | None:
        try:
            status = await self.backend.status(sandbox_id)
        except SandboxError:
            return None  # a container engine that does not answer ends no session
        return None if status.running else status


async def connect(address: str) -> None:
    """Connect to the port of ``address`` and let go again. Raises OSError where nothing listens."""
    parts = urlsplit(address)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.close()
    await writer.wait_closed()


def _problem(error: Exception, protocol: Protocol) -> str:
    what = protocol.ping or "its port"
    if isinstance(error, TimeoutError):
        return f"{what} did not answer within {PING_TIMEOUT_SECONDS:g} s"
    return f"{what} could not be reached ({type(error).__name__})"


def _since(began: float) -> int:
    return round((stopwatch() - began) * 1000)
