"""The one door through which the doctor sees and touches the machine."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agentcore_lab.sandbox import docker_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentcore_lab.sandbox.docker_host import Engine

TAIL = 6
"""How many of a failed command's last lines are worth showing."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is printed and as it is run.

    ``log`` marks one that keeps running after the doctor has left, and says where its output goes.
    ``settle`` is how many seconds its effect may take to show after it has returned.
    """

    argv: tuple[str, ...]
    log: Path | None = None
    settle: float = 0.0

    def __str__(self) -> str:
        line = shlex.join(self.argv)
        return line if self.log is None else f"{line} >{shlex.quote(str(self.log))} 2>&1 &"


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: its exit code and what it printed, stdout and stderr together, no empty lines."""

    code: int
    lines: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it exited 0."""
        return self.code == 0

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines: where a program says why it failed."""
        return self.lines[-TAIL:]


class Machine(Protocol):
    """What the doctor asks of a machine; tests script one."""

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> Result:
        """Run to the end (or start, when it has a ``log``); ``on_line`` hears its output as it comes."""
        ...

    def which(self, program: str) -> str | None:
        """Where ``program`` is on PATH, the system's own folders included."""
        ...

    def read(self, path: str) -> str | None:
        """The text of a file; None where there is none that can be read."""
        ...

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there; ``~`` is the home folder."""
        ...

    def system(self) -> tuple[str, str]:
        """The kernel's name (``Linux``, ``Darwin``) and the processor's (``x86_64``, ``arm64``)."""
        ...

    def is_root(self) -> bool:
        """Whether this process is root."""
        ...

    def find_engine(self) -> Engine:
        """The container engine in reach. Raises EngineUnreachable."""
        ...

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        ...


class ThisMachine:
    """The machine this process runs on."""

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> Result:
        """Run ``command`` without a terminal to read from; a program that is not there is exit code 127."""
        try:
            if command.log is not None:
                return _start(command.argv, command.log)
            return _run(command.argv, on_line)
        except OSError as error:
            return Result(127, (f"{command.argv[0]}: {error.strerror}",))

    def which(self, program: str) -> str | None:
        """PATH first, then the folders of system programs, which a user's PATH often lacks."""
        return shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")

    def read(self, path: str) -> str | None:
        """The text of a file; None where there is none that can be read."""
        try:
            return Path(path).expanduser().read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        try:
            return Path(path).expanduser().exists()
        except OSError:
            return False

    def system(self) -> tuple[str, str]:
        """As ``uname`` has them."""
        return platform.system(), platform.machine()

    def is_root(self) -> bool:
        """Whether this process is root."""
        return os.geteuid() == 0

    def find_engine(self) -> Engine:
        """The container engine in reach. Raises EngineUnreachable."""
        return docker_host.find()

    def pause(self, seconds: float) -> None:
        """Sleep: the doctor waits for the machine, not for the product's clock."""
        time.sleep(seconds)


def _start(argv: Iterable[str], log: Path) -> Result:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        subprocess.Popen(
            tuple(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Result(0)


def _run(argv: Iterable[str], on_line: Callable[[str], None] | None) -> Result:
    lines: list[str] = []
    with subprocess.Popen(
        tuple(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            if line := raw.strip():
                lines.append(line)
                if on_line is not None:
                    on_line(line)
    return Result(process.returncode, tuple(lines))
