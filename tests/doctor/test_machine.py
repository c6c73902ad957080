"""The doctor's door to the real machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from agentcore_lab.doctor import Command, ThisMachine


def test_a_commands_output_is_heard_and_kept() -> None:
    """stdout and stderr arrive line by line and stay in the result."""
    heard: list[str] = []
    script = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    result = ThisMachine().run(Command((sys.executable, "-c", script)), heard.append)
    assert (result.code, result.lines) == (3, ("one", "two"))
    assert heard == ["one", "two"]


def test_a_program_that_is_not_there_is_a_result() -> None:
    """A missing program is told like any failure, never raised."""
    result = ThisMachine().run(Command(("no-such-program",)))
    assert (result.code, result.lines) == (127, ("no-such-program: No such file or directory",))


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_logged_command_outlives_the_call(tmp_path: Path) -> None:
    """A command with a log returns at once and goes on writing to it."""
    log = tmp_path / "new" / "daemon.log"
    script = "import time; print('up', flush=True); time.sleep(0.2); print('still up')"
    result = ThisMachine().run(Command((sys.executable, "-c", script), log=log))
    assert result.ok
    deadline = time.monotonic() + 20
    while "still up" not in log.read_text() and time.monotonic() < deadline:
        ThisMachine().pause(0.05)
    assert log.read_text() == "up\nstill up\n"


def test_a_command_prints_as_it_would_be_typed() -> None:
    """What is printed can be pasted into a shell."""
    assert str(Command(("sh", "-c", "echo 1 >x"))) == "sh -c 'echo 1 >x'"
    assert str(Command(("dockerd",), log=Path("/a b/log"))) == "dockerd >'/a b/log' 2>&1 &"


def test_system_programs_are_found_without_their_folders_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's PATH often lacks /usr/sbin, where daemons are."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert ThisMachine().which("ldconfig") is not None or sys.platform == "darwin"
