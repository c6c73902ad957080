"""Programs run in a sandbox beside its agent: a command with its output and its end, and a shell at a terminal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from agentcore_lab.sandbox.base import SandboxError

SHELL = "/bin/bash"
"""What commands and shells run in (AWS: harness-command-shell, Bash at this path and no other shell)."""

COMMAND_MARK = "AGENTCORE_LAB_COMMAND"
"""A variable in the environment of each command and shell, so that all it started is found when it is killed."""

TERM = "xterm-256color"
"""What a shell's TERM says: the terminal nearly every client is."""

READ_BYTES = 32 * 1024
"""How much output is handed on at a time, at most."""

Stream = Literal["stdout", "stderr"]


class NoSuchProgram(SandboxError):  # noqa: N818 - a state, named as one
    """The program asked for is not in the sandbox, or cannot be started there."""


@dataclass(frozen=True, slots=True)
class Output:
    """Some bytes a command wrote."""

    stream: Stream
    data: bytes


@dataclass(frozen=True, slots=True)
class Size:
    """A terminal's size in characters."""

    columns: int
    rows: int


class RunningCommand(Protocol):
    """One command without input. What it leaves running in the background when it ends, goes on."""

    def output(self) -> AsyncGenerator[Output, None]:
        """What it writes, as it comes, until it has ended; a slow reader slows the command down.

        Raises:
            NoSuchProgram: it never started.
            SandboxError: the sandbox is out of reach.
        """
        ...

    async def exit_code(self) -> int:
        """How it ended, once it has: 128 and the signal's number for one that was killed."""
        ...

    async def kill(self) -> None:
        """End it and everything it started with SIGKILL, unless it has ended; returns once they are gone."""
        ...


class Terminal(Protocol):
    """A shell at a terminal of its own; it lives until it exits or is closed."""

    async def read(self) -> bytes:
        """What the terminal shows next; empty once the shell has ended. Raises as ``RunningCommand.output`` does."""
        ...

    async def write(self, data: bytes) -> None:
        """Type ``data``; a shell that has ended takes no notice."""
        ...

    async def resize(self, size: Size) -> None:
        """Tell the programs at the terminal its new size."""
        ...

    async def exit_code(self) -> int:
        """How the shell ended, once it has."""
        ...

    async def close(self) -> None:
        """End the shell and everything it started, and give back what it took."""
        ...
