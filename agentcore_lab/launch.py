"""Starting an engine in the background, and stopping one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from agentcore_lab.discovery import RunningEngine, find_engine
from agentcore_lab.settings import Settings

LOST_THE_RACE = 3
"""Exit code of an engine that found another one on its data directory."""

_START_SECONDS = 60
_STOP_SECONDS = 60
_POLL_SECONDS = 0.05


class EngineDidNotStart(Exception):  # noqa: N818 - a state, named as one
    """The engine ended, or did not answer in time; the message carries the end of its log."""


class WrongSandbox(Exception):  # noqa: N818 - a state, named as one
    """An engine runs already, with another sandbox than the one asked for."""


def find_or_start(settings: Settings, *, any_port: bool = True) -> RunningEngine:
    """The engine of the settings' data directory; started in the background when there is none.

    Raises:
        WrongSandbox: the engine that runs has another sandbox than the settings ask for.
        EngineDidNotStart: a new engine did not come up.
    """
    engine = find_engine(settings.data_dir) or _start(settings, any_port)
    if settings.sandbox not in {"auto", engine.sandbox}:
        raise WrongSandbox(
            f"An engine with the {engine.sandbox} sandbox already runs on {settings.data_dir}, and "
            f"{settings.sandbox} was asked for. Stop it with `agentcore-lab down`, or choose another data directory."
        )
    return engine


def stop(engine: RunningEngine) -> None:
    """Ask the engine to end (SIGTERM) and wait until it and its sandboxes are gone.

    Raises:
        TimeoutError: it still runs after a minute.
    """
    try:
        process = psutil.Process(engine.pid)
        process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        # Whoever started it may not have waited for it yet: a zombie has ended too.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the engine (process {engine.pid}) did not end in {_STOP_SECONDS} s")
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        return


def _start(settings: Settings, any_port: bool) -> RunningEngine:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = settings.data_dir / "engine.log"
    with log.open("ab") as output:
        began_at = output.tell()
        process = subprocess.Popen(
            _command(settings, any_port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll()
        if engine := find_engine(settings.data_dir):
            return engine
        # Of two that start at once one loses the race for the data directory: it then waits for the other's.
        if ended not in {None, LOST_THE_RACE}:
            break
        time.sleep(_POLL_SECONDS)
    process.terminate()
    raise EngineDidNotStart(f"The engine did not start. The end of {log}:\n{_tail(log, began_at)}")


def _command(settings: Settings, any_port: bool) -> list[str]:
    command = [sys.executable, "-m", "agentcore_lab", "serve", "--host", settings.host]
    command += ["--data-dir", str(settings.data_dir), "--cache-dir", str(settings.cache_dir)]
    command += ["--sandbox", settings.sandbox, "--region", settings.region]
    command += ["--model", settings.model]
    if settings.fast_lifecycle:
        command.append("--fast-lifecycle")
    return command if any_port else [*command, "--port", str(settings.port)]


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])
