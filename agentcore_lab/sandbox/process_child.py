"""Starting an agent's first process and looking after it: one thread reaps it, one keeps its output.

The thread that starts it must outlive it: Linux sends the parent's death signal when the *thread* that forked ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from agentcore_lab.sandbox.process_log import drain
from agentcore_lab.sandbox.process_tree import Leader

START = Path(__file__).with_name("launcher") / "start.py"
# How long the exit waits for the last output; children that still hold the pipe must not keep it back.
_LAST_OUTPUT = 1.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: argument list, working folder, whole environment, log file."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path


@dataclass(frozen=True, slots=True)
class Child:
    """A first process of this engine. ``exited``: its end is recorded; ``silent``: nothing writes to its log."""

    started: Future[Leader] = field(default_factory=Future)
    exited: Event = field(default_factory=Event)
    silent: Event = field(default_factory=Event)


def launch(command: Command, on_start: Callable[[Leader], None], on_exit: Callable[[int], None]) -> Child:
    """Start ``command`` in a session of its own; both callbacks run in its thread, the second with the exit code.

    ``started`` ends with the OSError if nothing could be started.
    """
    child = Child()
    # Daemons: an engine that ends does not wait for agents, and they end with it.
    Thread(
        target=_supervise, args=(child, command, on_start, on_exit), name=command.folder.name, daemon=True
    ).start()
    return child


def _supervise(
    child: Child, command: Command, on_start: Callable[[Leader], None], on_exit: Callable[[int], None]
) -> None:
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(START), str(os.getpid()), *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        child.silent.set()
        child.exited.set()
        child.started.set_exception(error)
        return
    Thread(target=_listen, args=(child, process, command.log), name="output", daemon=True).start()
    leader = Leader.of(process.pid)
    on_start(leader)
    child.started.set_result(leader)
    code = process.wait()
    child.silent.wait(_LAST_OUTPUT)
    on_exit(code if code >= 0 else 128 - code)
    child.exited.set()


def _listen(child: Child, process: subprocess.Popen[bytes], log: Path) -> None:
    assert process.stdout is not None
    drain(process.stdout, log)
    child.silent.set()
