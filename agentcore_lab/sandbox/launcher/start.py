"""Becomes the agent's command: ``python -I -S start.py <engine's pid> <command> <argument>…``.

On Linux the agent is first tied to the engine, so that an engine that is killed takes its agents with it. This is
done here, after the fork, because Python must not run code between fork and exec in a program that has threads.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as a shell and as `docker run` have it


def main(engine: int, command: list[str]) -> int:
    """Replace this process by ``command``; the exit code if that cannot be done."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - not needed elsewhere

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != engine:
            return 1
    if os.isatty(0):
        import fcntl  # noqa: PLC0415 - only shells have a terminal
        import termios  # noqa: PLC0415

        # A process group that is not of the terminal's session gets no Ctrl-C, and its shell no job control.
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # What Python ignores, and what a shell's `nohup … &` made the engine ignore, an agent must not: SIGINT stops it.
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
