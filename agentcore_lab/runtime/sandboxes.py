"""What is asked of a backend about the sandboxes of sessions, where a failure is a line in the engine's log."""

from __future__ import annotations

import asyncio
import logging

from agentcore_lab.runtime.limits import LOG_TAIL_LINES
from agentcore_lab.sandbox.base import Backend, SandboxError, Usage

log = logging.getLogger(__name__)


async def clear_leftovers(backend: Backend) -> int:
    """Remove the sandboxes an engine that was killed left behind; the number removed."""
    leftovers = await backend.owned()
    ends = await asyncio.gather(*(backend.stop(owned.id, 0) for owned in leftovers), return_exceptions=True)
    for owned, end in zip(leftovers, ends, strict=True):
        if isinstance(end, BaseException):
            log.error("sandbox %s of an earlier engine could not be removed: %s", owned.id, end)
    return len(leftovers)


async def remove(backend: Backend, incarnation: str, grace: float) -> None:
    """End a sandbox that has ``grace`` seconds to end by itself, and remove it."""
    try:
        await backend.stop(incarnation, grace)
    except SandboxError:
        log.exception("sandbox %s could not be removed", incarnation)


async def last_lines(backend: Backend, incarnation: str) -> tuple[str, ...]:
    """The last lines an agent wrote; none where they cannot be read."""
    try:
        return tuple(await backend.logs(incarnation, LOG_TAIL_LINES))
    except SandboxError:
        log.exception("the log of sandbox %s could not be read", incarnation)
        return ()


async def usage_of(backend: Backend, incarnation: str) -> Usage | None:
    """What a sandbox has used; None where that cannot be told."""
    try:
        return await backend.usage(incarnation)
    except SandboxError:
        return None
