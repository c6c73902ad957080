"""An agent's processes on this machine: which they are, and how to end them.

A process belongs to a sandbox if it descends from the sandbox's first process or carries the sandbox's mark in its
environment, which children inherit. The mark finds what has left the tree (a daemon, orphans of a killed engine); it
also means that a process id given out again to a stranger is never mistaken.
"""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import Self

import psutil

from agentcore_lab.sandbox.launcher.agentcore_lab_listen import SETTING

# psutil derives the start from the boot time, which moves a little when the machine's clock is corrected.
_SAME_START = 2.0


@dataclass(frozen=True, slots=True)
class Leader:
    """A sandbox's first process: its id and when it started, in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The leader that ``pid``, a child not yet reaped, is."""
        return cls(pid, psutil.Process(pid).create_time())


def runs(leader: Leader) -> bool:
    """Whether this very process still runs; a zombie does not."""
    process = _genuine(leader)
    return process is not None and _status(process) != psutil.STATUS_ZOMBIE


def members(leader: Leader | None, mark: str) -> list[psutil.Process]:
    """Every running process of the sandbox; ``mark`` is its value of the launcher's setting."""
    found = {process.pid: process for process in psutil.process_iter() if _carries(process, mark)}
    first = None if leader is None else _genuine(leader)
    if first is not None:
        found[first.pid] = first
    for process in list(found.values()):
        with contextlib.suppress(psutil.Error):
            found.update((child.pid, child) for child in process.children(recursive=True))
    return [process for process in found.values() if _status(process) not in (None, psutil.STATUS_ZOMBIE)]


def terminate(processes: list[psutil.Process]) -> None:
    """SIGTERM to each; those that are gone are gone."""
    _signal(processes, signal.SIGTERM)


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL to each; those that are gone are gone."""
    _signal(processes, signal.SIGKILL)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _genuine(leader: Leader) -> psutil.Process | None:
    try:
        process = psutil.Process(leader.pid)
        return process if abs(process.create_time() - leader.started) < _SAME_START else None
    except psutil.Error:
        return None


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(SETTING) == mark
    except (psutil.Error, OSError):
        return False


def _status(process: psutil.Process) -> str | None:
    try:
        return process.status()
    except psutil.Error:
        return None
