"""One shell of a session: a terminal that lives on while clients come and go (CONTRACT: section 13.6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from agentcore_lab.runtime.limits import SHELL_REPLAY_BYTES
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.commands import Size, Terminal


@dataclass(frozen=True, slots=True)
class End:
    """How a shell ended: its exit code, or why there is none; neither if it was closed."""

    exit_code: int | None
    why: str = ""


class Replaced(Exception):  # noqa: N818 - an event
    """Another client has taken the shell over."""


@dataclass(slots=True)
class Client:
    """One connection's place in the shell's output; what came before ``at`` it has been given."""

    at: int


class Shell:
    """A shell with the newest part of its output, and at most one client.

    Output is counted from the shell's start. While a client is there the shell waits for it rather than lose
    anything; while none is, the oldest output is let go. ``life`` is done once all of it has ended.
    """

    def __init__(self, shell_id: str, terminal: Terminal) -> None:
        self.id = shell_id
        self.end: End | None = None
        self.client: Client | None = None
        self._terminal = terminal
        self._kept = bytearray()
        self._written = 0
        self._changed = asyncio.Condition()
        self.life = asyncio.create_task(self._run())

    async def attach(self) -> Client:
        """A new client, which will be shown what is kept; the one before it is told that it has been replaced."""
        async with self._changed:
            self.client = Client(self._written - len(self._kept))
            self._changed.notify_all()
            return self.client

    async def detach(self, client: Client) -> None:
        """Let the shell go on without this client, if it still is the one."""
        async with self._changed:
            if self.client is client:
                self.client = None
                self._changed.notify_all()

    async def output(self, client: Client, at_most: int) -> AsyncGenerator[bytes, None]:
        """What the terminal showed and shows, until the shell has ended. Raises Replaced."""
        while True:
            async with self._changed:
                await self._changed.wait_for(
                    lambda: self.client is not client or client.at < self._written or self.end
                )
                if self.client is not client:
                    raise Replaced
                start = client.at - (self._written - len(self._kept))
                data = bytes(self._kept[start : start + at_most])
            if not data:
                return
            yield data
            async with self._changed:
                client.at += len(data)
                self._changed.notify_all()

    async def type(self, data: bytes) -> None:
        """Type into the terminal."""
        await self._terminal.write(data)

    async def resize(self, size: Size) -> None:
        """Set the terminal's size. Raises SandboxError."""
        await self._terminal.resize(size)

    async def close(self) -> None:
        """End the shell, whoever looks at it."""
        self.life.cancel()
        await asyncio.wait([self.life])

    async def _run(self) -> None:
        end = End(None)
        try:
            while data := await self._terminal.read():
                await self._keep(data)
            end = End(await self._terminal.exit_code())
        except SandboxError as error:
            end = End(None, str(error))
        finally:
            with suppress(SandboxError):
                await self._terminal.close()
            async with self._changed:
                self.end = end
                self._changed.notify_all()

    async def _keep(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(self._room)
            self._kept += data
            self._written += len(data)
            del self._kept[:-SHELL_REPLAY_BYTES]
            self._changed.notify_all()

    def _room(self) -> bool:
        """Whether nothing that the client has not been given would be let go (half is plenty for one read)."""
        return self.client is None or self._written - self.client.at <= SHELL_REPLAY_BYTES // 2
