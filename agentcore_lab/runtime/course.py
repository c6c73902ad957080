"""The course of sessions: events step them on, and what follows from each step is done here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.boot import Boot
from agentcore_lab.runtime.endings import Reason, found_dead
from agentcore_lab.runtime.monitor import Monitor
from agentcore_lab.runtime.probe import Probe
from agentcore_lab.runtime.roll import Live, Roll
from agentcore_lab.runtime.sandboxes import last_lines, remove
from agentcore_lab.runtime.session import (
    Ask,
    Dispose,
    Ended,
    Event,
    Pinged,
    Session,
    Tick,
    next_look,
    step,
)
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.sandbox.base import SandboxStatus

Changed = Callable[[Session | None, Session], None]
"""Told of a session before, None of a new one, and after each step of its life."""


class Course:
    """Steps the sessions of one roll: asks agents how they are when that is due, and disposes of what has ended.

    ``grace`` is how many seconds an agent has to end by itself.
    """

    def __init__(
        self, boot: Boot, clock: Clock, storage: SessionStorage, roll: Roll, grace: float, changed: Changed
    ) -> None:
        self._backend = boot.backend
        self._clock = clock
        self._storage = storage
        self._roll = roll
        self._grace = grace
        self._changed = changed
        self._probe = Probe(boot.backend, boot.client, clock)
        self._disposals: set[asyncio.Task[None]] = set()
        self._monitor = Monitor(clock, self._tick)

    def open(self) -> None:
        """Begin to watch deadlines."""
        self._monitor.open()

    async def close(self) -> None:
        """End every session and wait until nothing of them is left."""
        await self._monitor.close()
        for live in self._roll.present():
            self.apply(live, Ended(Reason.SHUTDOWN))
        await asyncio.gather(*self._disposals, return_exceptions=True)

    async def catch_up(self) -> None:
        """Look at every session now, and wait until those that are asked have answered or are taken for dead."""
        self._tick()
        asked = [live.asking for live in self._roll.present() if live.asking is not None]
        if asked:
            await asyncio.wait(asked)

    def begin(self, live: Live) -> None:
        """A new session is there."""
        self._roll.enter(live)
        self._watch(live)
        self._changed(None, live.session)

    def apply(self, live: Live, event: Event) -> None:
        """Step the session, and have done what follows from that."""
        before = live.session
        live.session, effects = step(before, event, self._clock.now())
        self._watch(live)
        if before.alive and not live.session.alive:
            live.over.set()
            self._roll.end(live)
        if live.session is not before:
            self._changed(before, live.session)
        for effect in effects:
            match effect:
                case Ask() if live.asking is None or live.asking.done():
                    live.asking = asyncio.create_task(self._ask(live))
                case Dispose(incarnation):
                    task = asyncio.create_task(self._dispose(live, incarnation))
                    self._disposals.add(task)
                    task.add_done_callback(self._disposals.discard)

    def found(self, live: Live, status: SandboxStatus) -> None:
        """End the session whose sandbox was found dead."""
        self.apply(live, Ended(Reason.CRASHED, f"The container {found_dead(status)}.", status.exit_code))

    def _tick(self) -> None:
        for live in self._roll.present():
            self.apply(live, Tick())

    def _watch(self, live: Live) -> None:
        """Have the session looked at when it has something due next."""
        look = next_look(live.session, self._clock.now())
        if look is not None:
            self._monitor.expect(look)

    async def _ask(self, live: Live) -> None:
        assert live.started is not None
        said = await self._probe.ask(live.session.incarnation, live.started.result(), live.protocol)
        if isinstance(said, SandboxStatus):
            self.found(live, said)
        else:
            self.apply(live, Pinged(said))

    async def _dispose(self, live: Live, incarnation: str) -> None:
        if live.started is not None and live.session.reason is not Reason.START_FAILED:
            live.started.cancel()
            await asyncio.gather(live.started, return_exceptions=True)
        if live.asking is not None:
            live.asking.cancel()
        try:
            live.session = replace(live.session, log_tail=await last_lines(self._backend, incarnation))
            await remove(self._backend, incarnation, self._grace)
        finally:
            self._storage.release(live.session)
            self._roll.leave(live)
            live.gone.set()
