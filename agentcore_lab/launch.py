"""Starting an engine in the background, and stopping one."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from agentcore_lab.discovery import RunningEngine, engine_at, find_engine, noted_process
from agentcore_lab.plain_error import PlainError
from agentcore_lab.settings import Settings

LOST_THE_RACE = 3
"""Exit code of an engine that found another one on its data directory."""

_START_SECONDS = 60
_STOP_SECONDS = 60
_POLL_SECONDS = 0.05
_AGAIN_SECONDS = 0.5
_LOCK = "launch.lock"
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ ")

# An engine outlives whoever started it, and a Popen that is forgotten while its process runs complains.
_started: list[subprocess.Popen[bytes]] = []


class EngineDidNotStart(PlainError):  # noqa: N818 - a state, named as one
    """The engine ended, or did not answer in time; the message is its own last sentence, or the end of its log."""


class WrongSandbox(PlainError):  # noqa: N818 - a state, named as one
    """An engine runs already, with another sandbox than the one asked for."""


class NoTls(PlainError):  # noqa: N818 - a state, named as one
    """An engine runs already, without TLS, and TLS was asked for."""


class NoEngineThere(PlainError):  # noqa: N818 - a state, named as one
    """The engine that AGENTCORE_LAB_URL names does not answer, and is not this user's to start."""


class NotYours(PlainError):  # noqa: N818 - a state, named as one
    """The engine is somebody else's to stop."""


class EngineDidNotStop(PlainError, TimeoutError):  # noqa: N818 - a state, named as one
    """The engine was asked to end and still runs."""


def find_or_start(settings: Settings, *, any_port: bool = True) -> RunningEngine:
    """The engine at the settings' URL, or that of their data directory, started in the background when there is none.

    Of several processes that ask at the same time one starts it and the others wait for it.

    Raises:
        WrongSandbox: the engine that runs has another sandbox than the settings ask for.
        NoTls: the engine that runs has no TLS, for which the settings ask.
        EngineDidNotStart: a new engine did not come up.
        NoEngineThere: none answers at the settings' URL.
    """
    if settings.url:
        return _of_others(settings)
    engine = find_engine(settings.data_dir) or _find_or_start_alone(settings, any_port)
    if settings.sandbox not in {"auto", engine.sandbox}:
        raise WrongSandbox(
            f"An engine with the {engine.sandbox} sandbox already runs on {settings.data_dir}, and "
            f"{settings.sandbox} was asked for. Stop it with `agentcore-lab down`, or choose another data directory."
        )
    if settings.tls and not engine.tls:
        raise NoTls(
            f"An engine without TLS already runs on {settings.data_dir}. Stop it with `agentcore-lab down`, or choose "
            "another data directory."
        )
    return engine


def stop(engine: RunningEngine) -> None:
    """Ask the engine to end (SIGTERM) and wait until it and its sandboxes are gone.

    Raises:
        NotYours: its process is another user's.
        EngineDidNotStop: it still runs after a minute.
    """
    try:
        process = psutil.Process(engine.pid)
        process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        # Whoever started it may not have waited for it yet: a zombie has ended too.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise EngineDidNotStop(
                    f"The engine (process {engine.pid}) did not end in {_STOP_SECONDS} s. "
                    f"End it with `kill -9 {engine.pid}`; the next engine removes what it leaves."
                )
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise NotYours(f"The engine at {engine.url} is another user's, who may stop it.") from None
    finally:
        _forget_ended()


def _of_others(settings: Settings) -> RunningEngine:
    engine = engine_at(settings.url)
    if engine is None:
        raise NoEngineThere(
            f"No engine answers at {settings.url}, where AGENTCORE_LAB_URL leads. Whoever runs it starts it again with "
            "`agentcore-lab serve`; without that variable an engine of your own is started."
        )
    if settings.sandbox not in {"auto", engine.sandbox}:
        raise WrongSandbox(
            f"The engine at {settings.url} has the {engine.sandbox} sandbox, and {settings.sandbox} was asked for: "
            "leave that out. Whoever runs the engine chooses."
        )
    return replace(engine, url=settings.url)


def _find_or_start_alone(settings: Settings, any_port: bool) -> RunningEngine:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _launching(settings.data_dir):
        return find_engine(settings.data_dir) or _start(settings, any_port)


@contextmanager
def _launching(data_dir: Path) -> Iterator[None]:
    """Be the only process that starts an engine on this data directory; the lock goes with the process."""
    deadline = time.monotonic() + 2 * _START_SECONDS
    with (data_dir / _LOCK).open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EngineDidNotStart(
                        f"Another process has been starting an engine on {data_dir} for too long. "
                        "End that process (a kernel, perhaps), and run this again."
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield


def _start(settings: Settings, any_port: bool) -> RunningEngine:
    log = settings.data_dir / "engine.log"
    deadline = time.monotonic() + _START_SECONDS
    while True:
        began_at = log.stat().st_size if log.exists() else 0
        process = _spawn(settings, any_port, log)
        engine = _awaited(process, settings.data_dir, deadline)
        if engine is not None:
            return engine
        # The data directory has its engine: one that comes up in a terminal, or one that is ending its sessions.
        if process.poll() != LOST_THE_RACE:
            break
        if time.monotonic() > deadline:
            raise EngineDidNotStart(_held(settings.data_dir))
        time.sleep(_AGAIN_SECONDS)
    process.terminate()
    raise EngineDidNotStart(_last_words(log, began_at))


def _spawn(settings: Settings, any_port: bool, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(settings, any_port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _forget_ended()
    _started.append(process)
    return process


def _forget_ended() -> None:
    """Take leave of the engines that have ended, which lets the system forget them too."""
    _started[:] = [each for each in _started if each.poll() is None]


def _awaited(process: subprocess.Popen[bytes], data_dir: Path, deadline: float) -> RunningEngine | None:
    while True:
        ended = process.poll() is not None
        if engine := find_engine(data_dir):
            return engine
        if ended or time.monotonic() > deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _command(settings: Settings, any_port: bool) -> list[str]:
    command = [sys.executable, "-m", "agentcore_lab", "serve", "--host", settings.host]
    command += ["--data-dir", str(settings.data_dir), "--cache-dir", str(settings.cache_dir)]
    command += ["--sandbox", settings.sandbox, "--region", settings.region]
    command += ["--model", settings.model]
    if settings.fast_lifecycle:
        command.append("--fast-lifecycle")
    if not settings.sigv4:
        command.append("--no-sigv4")
    if settings.tls:
        command.append("--tls")
    if settings.idp:
        command.append("--idp")
    return command if any_port else [*command, "--port", str(settings.port)]


def _held(data_dir: Path) -> str:
    holder = noted_process(data_dir)
    named, command = (
        (f"process {holder}", f"`kill {holder}`") if holder else ("another process", "its terminal")
    )
    return (
        f"An engine ({named}) holds {data_dir} and does not answer. End it with {command} and run this again, "
        "or choose another data directory."
    )


def _last_words(log: Path, begin: int) -> str:
    """The sentence with which the engine refused to start; where it has none, the end of what it wrote."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    told = [line for line in lines if line.strip() and not _LOG_LINE.match(line)]
    if told and not any(line.startswith("Traceback") for line in told):
        return f"The engine did not start. {' '.join(told)}"
    return f"The engine did not start. The end of {log}:\n" + "\n".join(lines[-15:])
