"""Commands and shells as processes of this machine, in the surroundings of a sandbox's agent."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pty
import secrets
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Thread
from typing import IO, Any

import psutil

from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.commands import (
    COMMAND_MARK,
    READ_BYTES,
    SHELL,
    TERM,
    NoSuchProgram,
    Output,
    Size,
    Stream,
)
from agentcore_lab.sandbox.process_child import START, Command

# How long the end of a command waits for the last output; children that still hold the pipe must not keep it back.
_LAST_OUTPUT = 0.2
_POLL = 0.02
_KILL_ROUNDS = 500


class Program:
    """One process in a session of its own, with all that it starts."""

    def __init__(self, surroundings: Command, arguments: Sequence[str], *, slave: int | None = None) -> None:
        """Start it; ``slave`` is its end of a terminal, if it has one. Raises NoSuchProgram."""
        token = secrets.token_hex(8)
        environment = {**surroundings.environment, COMMAND_MARK: token}
        if slave is not None:
            environment["TERM"] = TERM
        if shutil.which(arguments[0], path=environment.get("PATH", os.defpath)) is None:
            raise NoSuchProgram(f"there is no program {arguments[0]} in this sandbox")
        output = subprocess.PIPE if slave is None else slave
        try:
            # Not from another thread: the agent's launcher ties it to the life of the thread that forks.
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(START), str(os.getpid()), *arguments],
                cwd=surroundings.folder,
                env=environment,
                stdin=subprocess.DEVNULL if slave is None else slave,
                stdout=output,
                stderr=output,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"{arguments[0]} could not be started: {error}") from error
        self._mark = token
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        Thread(target=self._reap, name=f"command {self.process.pid}", daemon=True).start()

    async def exit_code(self) -> int:
        """The exit code as a shell has it."""
        await self.ended.wait()
        code = self.process.returncode
        return code if code >= 0 else 128 - code

    async def kill(self) -> None:
        """SIGKILL to all of it, until none is left; nothing if it has ended."""
        if self.process.poll() is None:
            await asyncio.to_thread(self._kill)
        await self.ended.wait()

    def _kill(self) -> None:
        for _ in range(_KILL_ROUNDS):
            found = [process for process in psutil.process_iter() if self._owns(process)]
            if not found:
                return
            for process in found:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            # Not psutil's wait: of a child it takes the exit code, which whoever waits for the command is to have.
            time.sleep(_POLL)
        raise SandboxError(f"processes of a command outlive SIGKILL: {found}")

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            in_session = os.getsid(process.pid) == self.process.pid
            return in_session or process.environ().get(COMMAND_MARK) == self._mark
        except (psutil.Error, OSError):
            return False

    def _reap(self) -> None:
        self.process.wait()
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits
            self._loop.call_soon_threadsafe(self.ended.set)


class ProcessCommand:
    """A command beside a process sandbox's agent."""

    def __init__(self, program: Program) -> None:
        assert program.process.stdout is not None
        assert program.process.stderr is not None
        self._program = program
        self._pipes: dict[Stream, int] = {
            "stdout": program.process.stdout.fileno(),
            "stderr": program.process.stderr.fileno(),
        }
        for pipe in self._pipes.values():
            os.set_blocking(pipe, False)

    async def output(self) -> AsyncGenerator[Output, None]:
        """What it writes; what processes it leaves behind write later is not part of it."""
        reads = {stream: asyncio.ensure_future(_read(pipe)) for stream, pipe in self._pipes.items()}
        ended = asyncio.ensure_future(self._program.ended.wait())
        try:
            while reads:
                over = ended.done()
                waits = set(reads.values()) if over else {*reads.values(), ended}
                done, _ = await asyncio.wait(
                    waits, timeout=_LAST_OUTPUT if over else None, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    return
                for stream, read in [(stream, read) for stream, read in reads.items() if read in done]:
                    del reads[stream]
                    if data := read.result():
                        reads[stream] = asyncio.ensure_future(_read(self._pipes[stream]))
                        yield Output(stream, data)
        finally:
            await _cancelled(*reads.values(), ended)

    async def exit_code(self) -> int:
        """As a shell has it."""
        return await self._program.exit_code()

    async def kill(self) -> None:
        """All of its session, and what left the session with the mark."""
        await self._program.kill()

    def release(self) -> None:
        """Give the pipes back; whoever still writes to them must not be ended or held up by that."""
        for pipe in (self._program.process.stdout, self._program.process.stderr):
            Thread(target=_discard, args=(pipe,), name="left output", daemon=True).start()


@asynccontextmanager
async def run(surroundings: Command, arguments: Sequence[str]) -> AsyncIterator[ProcessCommand]:
    """A command; killed if it still runs at the end of the context."""
    program = Program(surroundings, arguments)
    command = ProcessCommand(program)
    try:
        yield command
    finally:
        try:
            await program.kill()
        finally:
            command.release()


class ProcessTerminal:
    """A shell beside a process sandbox's agent; ``master`` is the engine's end of its terminal."""

    def __init__(self, program: Program, master: int) -> None:
        self._program = program
        self._master: int | None = master
        os.set_blocking(master, False)

    async def read(self) -> bytes:
        """What the terminal shows; the end of the shell ends it though others may still hold the terminal."""
        if self._master is None:
            return b""
        read = asyncio.ensure_future(_read(self._master))
        ended = asyncio.ensure_future(self._program.ended.wait())
        try:
            done, _ = await asyncio.wait({read, ended}, return_when=asyncio.FIRST_COMPLETED)
            if read not in done:
                done, _ = await asyncio.wait({read}, timeout=_LAST_OUTPUT)
            return read.result() if done else b""
        finally:
            await _cancelled(read, ended)

    async def write(self, data: bytes) -> None:
        """Type, at the pace of whoever reads."""
        loop = asyncio.get_running_loop()
        left = memoryview(data)
        while left and self._master is not None:
            try:
                left = left[os.write(self._master, left) :]
            except BlockingIOError:
                await _ready(self._master, loop.add_writer, loop.remove_writer)
            except OSError:
                return  # it has ended, which its reader is told

    async def resize(self, size: Size) -> None:
        """Set the size, of which the kernel tells the programs."""
        if self._master is not None:
            termios.tcsetwinsize(self._master, (size.rows, size.columns))

    async def exit_code(self) -> int:
        """As a shell has it."""
        return await self._program.exit_code()

    async def close(self) -> None:
        """Kill what runs and close the terminal."""
        try:
            await self._program.kill()
        finally:
            master, self._master = self._master, None
            if master is not None:
                os.close(master)


async def open_shell(surroundings: Command, size: Size) -> ProcessTerminal:
    """A shell at a terminal of ``size``."""
    master, slave = pty.openpty()
    try:
        termios.tcsetwinsize(master, (size.rows, size.columns))
        return ProcessTerminal(Program(surroundings, [SHELL], slave=slave), master)
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)


async def _read(file: int) -> bytes:
    """The next bytes; empty at the end, which a terminal tells as an input/output error."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(file, READ_BYTES)
        except BlockingIOError:
            await _ready(file, loop.add_reader, loop.remove_reader)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return b""


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _ready(file: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    """Until ``file`` can be read or written, whichever ``add`` and ``remove`` are for."""
    ready = asyncio.get_running_loop().create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    add(file, tell)
    try:
        await ready
    finally:
        remove(file)


def _discard(pipe: IO[bytes]) -> None:
    os.set_blocking(pipe.fileno(), True)
    with pipe:
        while pipe.read(READ_BYTES):
            pass
