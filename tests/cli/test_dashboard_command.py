"""``agentcore-lab dashboard`` as a user starts it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from agentcore_lab.discovery import RunningEngine, leave_note
from agentcore_lab.settings import Settings
from tests.programs import ROOT


def command(settings: Settings, *arguments: str) -> list[str]:
    """The command on the engine of this test."""
    options = ["--headless", "--data-dir", str(settings.data_dir)]
    return [sys.executable, "-m", "agentcore_lab", "dashboard", *arguments, *options]


def test_the_page_is_for_its_user_alone(engine: RunningEngine, settings: Settings) -> None:
    """It is served at the address that is printed, to whoever has its token; it ends with the command."""
    leave_note(engine)
    with subprocess.Popen(command(settings), cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            found = re.search(r"(http://127\.0\.0\.1:\d+/)\?token=\S+", program.stdout.readline())
            assert found is not None
            with urllib.request.urlopen(found[1], timeout=180) as asked:
                assert asked.url.startswith(f"{found[1]}login")
            with urllib.request.urlopen(found[0], timeout=180) as answer:
                page = answer.read().decode()
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(90)
    assert "application/vnd.jupyter.widget-view+json" in page
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(found[1], timeout=90)


def test_a_runtime_that_is_not_there_is_told(engine: RunningEngine, settings: Settings) -> None:
    """With those that are."""
    leave_note(engine)
    told = subprocess.run(
        command(settings, "nobody"), cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert told.returncode == 1
    assert told.stderr == "There is no agent runtime nobody. Those that are there: none.\n"
