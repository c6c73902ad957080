"""Finding or starting an engine: one a data directory whoever asks, and what is wrong in one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentcore_lab.discovery import find_engine, sole_owner
from agentcore_lab.launch import EngineDidNotStart, WrongSandbox, find_or_start, stop
from agentcore_lab.own_api import EngineGone
from agentcore_lab.settings import BadSetting, Settings
from tests.patience import eventually
from tests.programs import ROOT

pytestmark = pytest.mark.process

KERNEL = """
import sys
from pathlib import Path
from agentcore_lab.launch import find_or_start
from agentcore_lab.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]), cache_dir=Path(sys.argv[2]), sandbox="process", port=0)
print("asking", flush=True)
sys.stdin.readline()
print(find_or_start(settings, any_port=True).instance, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of this test's own engine, which is ended if it runs."""
    settings = Settings(
        data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", sandbox="process", port=_free_port()
    )
    yield settings
    if engine := find_engine(settings.data_dir):
        stop(engine)


def kernel(settings: Settings) -> subprocess.Popen[str]:
    """A process like a notebook's kernel, that asks for the engine when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(settings.data_dir), str(settings.cache_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert _says(process) == "asking"
    return process


def test_kernels_that_ask_at_once_get_the_same_engine(settings: Settings) -> None:
    """Of four processes one starts it; none fails, and only one engine was ever started."""
    kernels = [kernel(settings) for _ in range(4)]
    for process in kernels:
        _tell(process)
    instances = {_says(process) for process in kernels}
    assert len(instances) == 1
    assert "Another engine" not in (settings.data_dir / "engine.log").read_text()
    for process in kernels:
        process.communicate()


def test_the_engine_outlives_the_kernel_that_started_it(settings: Settings) -> None:
    """A kernel that is killed, as a restart does, takes nothing with it: the next one finds the engine."""
    first = kernel(settings)
    _tell(first)
    instance = _says(first)
    first.kill()
    first.communicate()
    assert find_or_start(settings).instance == instance


def test_a_kernel_that_dies_while_starting_leaves_no_lock(settings: Settings) -> None:
    """The next kernel gets an engine; the one under way may lose to it, or win, and only one of them stays."""
    first = kernel(settings)
    _tell(first)
    while not (settings.data_dir / "launch.lock").exists():
        time.sleep(0.01)
    first.kill()
    first.communicate()
    engine = find_or_start(settings)
    eventually(lambda: [each.pid for each in _engines(settings)] == [engine.pid], within=30)


def test_an_engine_that_is_ending_is_waited_for(settings: Settings) -> None:
    """While the one before still ends its sessions, the next cannot have the directory: it comes up after it."""
    taken, released = threading.Event(), threading.Event()

    def hold() -> None:
        with sole_owner(settings.data_dir):
            taken.set()
            released.wait(90)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    threading.Timer(3, released.set).start()
    assert find_or_start(settings).data_dir == str(settings.data_dir)
    assert released.is_set()
    holder.join()


def test_an_engine_that_hangs_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the data directory and does not answer: the sentence says which process to end."""
    engine = find_or_start(settings)
    monkeypatch.setattr("agentcore_lab.launch._START_SECONDS", 8)
    os.kill(engine.pid, signal.SIGSTOP)
    try:
        with pytest.raises(EngineDidNotStart) as failed:
            find_or_start(settings)
    finally:
        os.kill(engine.pid, signal.SIGCONT)
    assert f"(process {engine.pid}) holds {settings.data_dir} and does not answer" in str(failed.value)


def test_a_taken_port_is_one_sentence(settings: Settings) -> None:
    """The engine's own words, not the end of a log."""
    with (
        socket.create_server(("127.0.0.1", settings.port)),
        pytest.raises(EngineDidNotStart) as failed,
    ):
        find_or_start(settings, any_port=False)
    assert str(failed.value) == (
        f"The engine did not start. Port {settings.port} is taken by another program. "
        "Choose another with --port, or --port 0 for any."
    )


def test_a_docker_that_is_stopped_is_one_sentence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever insists on containers reads at once why there are none, and what mends it."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    insisting = Settings(data_dir=settings.data_dir, cache_dir=settings.cache_dir, sandbox="docker")
    with pytest.raises(EngineDidNotStart) as failed:
        find_or_start(insisting)
    assert "agentcore-lab doctor --fix" in str(failed.value)
    assert "\n" not in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_an_engine_with_another_sandbox_is_one_sentence(settings: Settings) -> None:
    """The engine that runs goes on."""
    engine = find_or_start(settings)
    other = Settings(data_dir=settings.data_dir, cache_dir=settings.cache_dir, sandbox="docker")
    with pytest.raises(WrongSandbox, match=r"agentcore-lab down") as wrong:
        find_or_start(other)
    (shown,) = wrong.value._render_traceback_()
    assert shown == f"\x1b[1;31mWrongSandbox\x1b[0m: {wrong.value}"
    assert find_engine(settings.data_dir) == engine


def test_an_engine_that_went_away_is_one_sentence(settings: Settings) -> None:
    """What was found once and answers no more is told with the mend."""
    engine = find_or_start(settings)
    stop(engine)
    with pytest.raises(EngineGone, match=r"Run the cell with `lab = Lab\(\)` again"):
        engine.fetch("status")


def test_a_wrong_variable_is_one_sentence() -> None:
    """It is a ValueError for programs and names the variable."""
    with pytest.raises(BadSetting, match="AGENTCORE_LAB_PORT is 'many': use a port number"):
        Settings.load({"AGENTCORE_LAB_PORT": "many"})


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _engines(settings: Settings) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _serves(process, str(settings.data_dir))]


def _serves(process: psutil.Process, folder: str) -> bool:
    try:
        command = process.cmdline()
        return process.status() != psutil.STATUS_ZOMBIE and "serve" in command and folder in command
    except psutil.Error:
        return False
