"""A WebSocket bridged frame by frame: what one side sends the other gets, until one closes or a limit is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.server.upgraded import Upgraded
from agentcore_lab.wire.frames import FrameReader, FrameTooLarge, close_frame

GOING_AWAY, POLICY, TOO_BIG, AGENT_ERROR = 1001, 1008, 1009, 1011
"""Close codes the platform itself sends (AWS: WebSocket close codes; RFC 6455, section 7.4.1)."""

_GOODBYE_SECONDS = 3
"""How long a side may take to answer a close frame."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may cross: bytes of one frame's payload, frames of a client in a second, and how long it may be open."""

    frame_bytes: int
    frames_per_second: int | None
    open_for: timedelta


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a bridge ends though neither side has closed it, as both are told."""

    code: int
    reason: str


class Side:
    """One end of a bridge. ``lost`` says what it means when its connection is gone."""

    def __init__(
        self, connection: Upgraded, lost: Callable[[], Awaitable[Ending]], *, is_server: bool
    ) -> None:
        self.connection = connection
        self.frames = FrameReader(connection.reader)
        self.lost = lost
        self._is_server = is_server
        self._told = False

    async def pass_on(self, raw: bytes, *, closes: bool) -> None:
        """Send a frame of the other side. Raises ConnectionError."""
        self._told = self._told or closes
        await self.connection.write(raw)

    def tell(self, ending: Ending) -> None:
        """Send a close frame, unless one was sent: a side that serves gets it as from a client."""
        if not self._told:
            self._told = True
            self.connection.push(close_frame(ending.code, ending.reason, masked=self._is_server))

    async def until_it_closes(self, limits: Limits) -> None:
        """Read on until the side has closed too; what it still had to say comes too late."""
        while True:
            try:
                frame = await self.frames.next(limits.frame_bytes)
            except FrameTooLarge as error:
                await self.frames.drop(error.whole)
            else:
                if frame is None or frame.closes:
                    return


class Bridge:
    """Client and agent; ``flowed`` is called with every frame that crosses."""

    def __init__(
        self, client: Side, agent: Side, clock: Clock, limits: Limits, flowed: Callable[[], None]
    ) -> None:
        self._client = client
        self._agent = agent
        self._clock = clock
        self._limits = limits
        self._flowed = flowed

    async def run(self, *interruptions: Coroutine[Any, Any, Ending]) -> None:
        """Pass frames on until both sides have closed, or until one of ``interruptions`` comes true."""
        pumps = {
            asyncio.create_task(self._pump(self._client, self._agent, self._limits.frames_per_second)),
            asyncio.create_task(self._pump(self._agent, self._client)),
        }
        others = {asyncio.create_task(each) for each in interruptions}
        try:
            done, _ = await asyncio.wait(pumps | others, return_when=asyncio.FIRST_COMPLETED)
            endings = [ending for task in done if (ending := task.result()) is not None]
            if not endings:  # one side has closed: the other has its say, and usually closes as well
                done, _ = await asyncio.wait(pumps, timeout=_GOODBYE_SECONDS)
                endings = [ending for task in done if (ending := task.result()) is not None]
            for ending in endings[:1]:
                await _cancelled(pumps)
                await self._end(ending)
        finally:
            # A client that is gone cancels its handler: the agent has to hear of it here, without any waiting.
            self._agent.tell(Ending(GOING_AWAY, "The client left."))
            self._client.connection.close()
            self._agent.connection.close()
            await _cancelled(pumps | others)

    async def _pump(self, source: Side, target: Side, most: int | None = None) -> Ending | None:
        """Pass frames on; None once a close frame was passed on."""
        rate, limit = FrameRate(self._clock), self._limits.frame_bytes
        try:
            while (frame := await source.frames.next(limit)) is not None:
                self._flowed()
                if most is not None and rate.counted() > most:
                    return Ending(POLICY, f"More than {most} frames a second.")
                await target.pass_on(frame.raw, closes=frame.closes)
                if frame.closes:
                    return None
        except FrameTooLarge as error:
            return Ending(TOO_BIG, f"A frame of {error}: at most {limit} are allowed.")
        except ConnectionError:
            return await target.lost()
        return await source.lost()

    async def _end(self, ending: Ending) -> None:
        sides = (self._client, self._agent)
        for side in sides:
            side.tell(ending)
        goodbyes = {asyncio.create_task(side.until_it_closes(self._limits)) for side in sides}
        try:
            await asyncio.wait(goodbyes, timeout=_GOODBYE_SECONDS)
        finally:
            await _cancelled(goodbyes)


class FrameRate:
    """Frames of one side, counted by the second of the engine's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: datetime | None = None
        self._count = 0

    def counted(self) -> int:
        """Count one frame; how many there were in this second."""
        now = self._clock.now()
        if self._since is None or now - self._since >= timedelta(seconds=1):
            self._since, self._count = now, 0
        self._count += 1
        return self._count


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
