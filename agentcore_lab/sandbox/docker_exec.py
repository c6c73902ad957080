"""Commands and shells in containers, through the engine's exec: an identity, a connection, an exit code."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from docker.errors import NotFound

from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.commands import (
    COMMAND_MARK,
    READ_BYTES,
    SHELL,
    TERM,
    NoSuchProgram,
    Output,
    Size,
)
from agentcore_lab.sandbox.docker_hijack import frames, hijack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from docker import APIClient

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_LOOK, _SLOWEST_LOOK = 0.01, 0.5

# Ends what carries the mark in its environment and all in the sessions of such processes (an exec is the first of a
# session of its own), until a look finds none. Only what bash itself can do: images have few programs.
_KILLER = r"""
mark=$1
for ((round = 0; round < 100; round++)); do
  sessions=' ' alive=()
  for folder in /proc/[0-9]*; do
    stat=; { IFS= read -r -d '' stat < "$folder/stat"; } 2>/dev/null
    set -- ${stat##*) }
    [[ -z ${4-} || $1 == [ZX] ]] && continue
    alive+=("${folder#/proc/} $4")
    { while IFS= read -r -d '' entry; do
        if [[ $entry == "$mark" ]]; then sessions+="$4 "; alive[-1]+=' marked'; break; fi
      done < "$folder/environ"; } 2>/dev/null
  done
  found=
  for process in "${alive[@]}"; do
    set -- $process
    if [[ -n ${3-} || $sessions == *" $2 "* ]]; then found=1; kill -KILL "$1" 2>/dev/null; fi
  done
  [[ -z $found ]] && exit 0
done
exit 1
"""


class Blocking(Protocol):
    """Runs a call of the docker SDK in a thread; what it raises becomes a SandboxError."""

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result."""
        ...


class DockerExec:
    """One program in a container: made, started, looked after, killed."""

    def __init__(self, client: APIClient, blocking: Blocking, container: str) -> None:
        self._client = client
        self._blocking = blocking
        self._container = container
        self._id = ""
        self._code: int | None = None
        self._mark = f"{COMMAND_MARK}={secrets.token_hex(8)}"

    async def start(
        self, arguments: Sequence[str], *, terminal: bool
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Start ``arguments``; the connection to its input and output."""
        environment = [self._mark, *([f"TERM={TERM}"] if terminal else [])]
        made: dict[str, Any] = await self._blocking(
            self._client.exec_create,
            self._container,
            list(arguments),
            stdin=terminal,
            tty=terminal,
            environment=environment,
        )
        self._id = made["Id"]
        return await hijack(self._client, f"/exec/{self._id}/start", {"Detach": False, "Tty": terminal})

    async def started(self, said: bytes) -> None:
        """Raise NoSuchProgram if what was ``said`` first are the engine's own words about why nothing started."""
        state = await self._look()
        if not state["Running"] and not state["Pid"]:
            raise NoSuchProgram(said.decode(errors="replace").strip())

    async def exit_code(self) -> int:
        """The exit code, once there is one."""
        pause = _FIRST_LOOK
        while self._code is None:
            state = await self._look()
            if not state["Running"] and state["ExitCode"] is not None:
                self._code = int(state["ExitCode"])
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _SLOWEST_LOOK)
        return self._code

    async def resize(self, size: Size) -> None:
        """Set the terminal's size."""
        await self._blocking(self._client.exec_resize, self._id, height=size.rows, width=size.columns)

    async def kill(self) -> None:
        """End all of it, unless it has ended, which it has with its container."""
        try:
            if await self._runs():
                await self._end()
        except SandboxError:
            if await self._runs():
                raise

    async def _runs(self) -> bool:
        if not self._id or self._code is not None:
            return False
        try:
            return bool((await self._look())["Running"])
        except SandboxError as error:
            if isinstance(error.__cause__, NotFound):
                return False
            raise

    async def _end(self) -> None:
        killer = DockerExec(self._client, self._blocking, self._container)
        reader, writer = await killer.start([SHELL, "-c", _KILLER, SHELL, self._mark], terminal=False)
        try:
            said = [data async for _, data in frames(reader, READ_BYTES)]
        finally:
            writer.close()
        if await killer.exit_code():
            raise SandboxError(f"a command outlives SIGKILL: {b''.join(said).decode(errors='replace')}")

    async def _look(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._blocking(self._client.exec_inspect, self._id)
        return found


class DockerCommand:
    """A command in a container."""

    def __init__(self, program: DockerExec, reader: asyncio.StreamReader) -> None:
        self._program = program
        self._reader = reader
        self._begun = False

    async def output(self) -> AsyncGenerator[Output, None]:
        """What it writes until the engine closes the connection."""
        async for is_stderr, data in frames(self._reader, READ_BYTES):
            if not self._begun:
                await self._program.started(data)
                self._begun = True
            yield Output("stderr" if is_stderr else "stdout", data)

    async def exit_code(self) -> int:
        """As the engine has it."""
        return await self._program.exit_code()

    async def kill(self) -> None:
        """By a second program in the same container."""
        await self._program.kill()


@asynccontextmanager
async def run(program: DockerExec, arguments: Sequence[str]) -> AsyncIterator[DockerCommand]:
    """A command; killed if it still runs at the end of the context."""
    writer = None
    try:
        reader, writer = await program.start(arguments, terminal=False)
        yield DockerCommand(program, reader)
    finally:
        try:
            await program.kill()
        finally:
            if writer is not None:
                writer.close()


class DockerTerminal:
    """A shell in a container."""

    def __init__(
        self, program: DockerExec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._program = program
        self._reader = reader
        self._writer = writer
        self._begun = False

    async def read(self) -> bytes:
        """The next bytes of the connection."""
        try:
            data = await self._reader.read(READ_BYTES)
        except ConnectionError:
            return b""
        if data and not self._begun:
            await self._program.started(data)
            self._begun = True
        return data

    async def write(self, data: bytes) -> None:
        """Send to the shell's input."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass  # it has ended, which its reader is told

    async def resize(self, size: Size) -> None:
        """Through the engine."""
        await self._program.resize(size)

    async def exit_code(self) -> int:
        """As the engine has it."""
        return await self._program.exit_code()

    async def close(self) -> None:
        """Kill what runs and close the connection."""
        try:
            await self._program.kill()
        finally:
            self._writer.close()


async def open_shell(program: DockerExec, size: Size) -> DockerTerminal:
    """A shell at a terminal of ``size``."""
    terminal = DockerTerminal(program, *await program.start([SHELL], terminal=True))
    try:
        await terminal.resize(size)
    except SandboxError:
        pass  # it ended, or never started: its reader is told
    except BaseException:
        await terminal.close()
        raise
    return terminal
