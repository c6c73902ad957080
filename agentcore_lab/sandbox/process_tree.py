"""An agent's processes on this machine: which they are, and how to end them.

A process belongs to a sandbox if it descends from the sandbox's first process, carries the sandbox's mark in its
environment or works in the sandbox's folder; children inherit both. So what has left the tree is found too (a daemon,
orphans of a killed engine), and a stranger who was given a process id again is never mistaken for a member.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from agentcore_lab.sandbox.launcher.agentcore_lab_listen import SETTING


@dataclass(frozen=True, slots=True)
class Leader:
    """A sandbox's first process: its id and when it started, as the kernel keeps it.

    ``started`` is only ever compared: clock ticks since the boot on Linux, where seconds since the epoch would move
    with every correction of the machine's clock, and seconds since the epoch elsewhere.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The leader that ``pid``, a child not yet reaped, is."""
        return cls(pid, _started(psutil.Process(pid)))


def runs(leader: Leader) -> bool:
    """Whether this very process still runs; a zombie does not."""
    process = _genuine(leader)
    return process is not None and _status(process) != psutil.STATUS_ZOMBIE


def members(
    leader: Leader | None, mark: str, folder: Path, known: Iterable[psutil.Process] = ()
) -> list[psutil.Process]:
    """Every running process of the sandbox; ``mark`` is its value of the launcher's setting, ``folder`` its disk.

    Those ``known`` from before stay members though their parent has left them and nothing else tells.
    """
    found = {process.pid: process for process in known if process.is_running()}
    found |= {process.pid: process for process in psutil.process_iter() if _belongs(process, mark, folder)}
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


def used_by(leader: Leader) -> tuple[float, int] | None:
    """Seconds of processor time and bytes of memory of a first process and its descendants; None if it has ended.

    The time of children that have ended counts as soon as their parent has waited for them.
    """
    first = _genuine(leader)
    if first is None:
        return None
    seconds, memory = 0.0, 0
    with contextlib.suppress(psutil.Error):
        for process in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                seconds += sum(process.cpu_times()[:4])  # user, system, and both of the children waited for
                memory += process.memory_info().rss
    return (seconds, memory) if memory else None


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _genuine(leader: Leader) -> psutil.Process | None:
    try:
        process = psutil.Process(leader.pid)
        return process if _started(process) == leader.started else None
    except (psutil.Error, OSError):
        return None


def _started(process: psutil.Process) -> float:
    if psutil.LINUX:
        # proc_pid_stat(5): "starttime" is field 22; the name, field 2, is in brackets and may hold anything.
        fields = Path(f"/proc/{process.pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return float(fields[22 - 3])
    return process.create_time()


def _belongs(process: psutil.Process, mark: str, folder: Path) -> bool:
    try:
        return process.environ().get(SETTING) == mark or Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False


def _status(process: psutil.Process) -> str | None:
    try:
        return process.status()
    except psutil.Error:
        return None
