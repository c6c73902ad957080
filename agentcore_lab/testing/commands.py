"""Commands and shells of scripted sandboxes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agentcore_lab.sandbox.commands import Output, Size, Stream

KILLED = 128 + 9


@dataclass(slots=True)
class Writer:
    """What a scripted command has: its ``arguments``, and its output. It is cancelled when it is killed."""

    arguments: Sequence[str]
    _pipe: asyncio.Queue[Output] = field(default_factory=lambda: asyncio.Queue(1))

    async def out(self, data: bytes, stream: Stream = "stdout") -> None:
        """Write, at the reader's pace."""
        await self._pipe.put(Output(stream, data))


@dataclass(slots=True)
class Screen:
    """What a scripted shell has: what is typed, what it shows, and the sizes its terminal has had."""

    sizes: list[Size] = field(default_factory=list)
    typed: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _shown: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(1))

    async def show(self, data: bytes) -> None:
        """Show, at the reader's pace."""
        await self._shown.put(data)


CommandScript = Callable[[Writer], Awaitable[int]]
ShellScript = Callable[[Screen], Awaitable[int]]


async def said_so(writer: Writer) -> int:
    """The command of a sandbox that has no other: writes the command line's last word."""
    await writer.out(writer.arguments[-1].encode())
    return 0


async def echoing(screen: Screen) -> int:
    """The shell of a sandbox that has no other: shows what is typed, and exits at ``exit N``."""
    while True:
        typed = await screen.typed.get()
        if typed.startswith(b"exit "):
            return int(typed.split()[1])
        await screen.show(typed)


class ScriptedCommand:
    """A command that follows a script."""

    def __init__(self, script: CommandScript, arguments: Sequence[str]) -> None:
        self._writer = Writer(arguments)
        self.task = asyncio.create_task(self._run(script))

    async def _run(self, script: CommandScript) -> int:
        try:
            return await script(self._writer)
        except asyncio.CancelledError:
            return KILLED

    async def output(self) -> AsyncGenerator[Output, None]:
        """What the script writes."""
        while True:
            get = asyncio.ensure_future(self._writer._pipe.get())  # noqa: SLF001 - its other end
            try:
                await asyncio.wait({get, self.task}, return_when=asyncio.FIRST_COMPLETED)
                if not get.done():
                    self.task.result()  # raises what the script raised
                    return
                piece = get.result()
            finally:
                get.cancel()
            yield piece

    async def exit_code(self) -> int:
        """What the script returns."""
        return await asyncio.shield(self.task)

    async def kill(self) -> None:
        """Cancel the script."""
        self.task.cancel()
        await asyncio.wait([self.task])


class ScriptedTerminal:
    """A shell that follows a script."""

    def __init__(self, script: ShellScript, size: Size) -> None:
        self.screen = Screen([size])
        self.task = asyncio.create_task(self._run(script))

    async def _run(self, script: ShellScript) -> int:
        try:
            return await script(self.screen)
        except asyncio.CancelledError:
            return KILLED

    async def read(self) -> bytes:
        """What the script shows."""
        get = asyncio.ensure_future(self.screen._shown.get())  # noqa: SLF001 - its other end
        try:
            await asyncio.wait({get, self.task}, return_when=asyncio.FIRST_COMPLETED)
            if get.done():
                return get.result()
            self.task.result()  # raises what the script raised
            return b""
        finally:
            get.cancel()

    async def write(self, data: bytes) -> None:
        """Type."""
        self.screen.typed.put_nowait(data)

    async def resize(self, size: Size) -> None:
        """Keep the size."""
        self.screen.sizes.append(size)

    async def exit_code(self) -> int:
        """What the script returns."""
        return await asyncio.shield(self.task)

    async def close(self) -> None:
        """Cancel the script."""
        self.task.cancel()
        await asyncio.wait([self.task])
