"""Work that moves a status after the call that began it has been answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Transitions:
    """The transitions under way. ``fast``: whoever begins one waits until it is over."""

    def __init__(self, *, fast: bool = False) -> None:
        self._fast = fast
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a transition; it goes on whatever becomes of the caller."""
        task = self.start(work)
        if self._fast:
            await asyncio.wait([task])

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a transition without ever waiting for it."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Wait for what is under way, so that a restart finds it settled."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a transition failed", exc_info=error)
