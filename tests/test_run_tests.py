"""Which tests ``make test`` leaves out, and how it says so."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tools import run_tests

ALL = {"docker": True, "process": True, "images": True, "browser": True}


@pytest.mark.parametrize(
    ("works", "long", "expression", "lacking"),
    [
        (ALL, False, "not long", []),
        (ALL, True, "", []),
        ({**ALL, "docker": False}, False, "not docker and not long", ["docker"]),
        (
            {**ALL, "docker": False, "browser": False},
            True,
            "not docker and not browser",
            ["docker", "browser"],
        ),
    ],
)
def test_only_what_cannot_run_is_left_out(
    works: dict[str, bool], long: bool, expression: str, lacking: list[str]
) -> None:
    """Docker and browser tests go when their means are missing, long ones unless asked for."""
    assert run_tests.selection(works, long=long) == (expression, lacking)


def test_what_could_not_run_is_the_last_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pytest's exit code is handed on, after one line that names what was left out."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command[1:])
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(run_tests, "doctors_report", lambda _: {"works": {**ALL, "docker": False}})
    monkeypatch.setattr(subprocess, "run", run)
    assert run_tests.main(["--long", "-x"]) == 1
    assert ran == [["-m", "pytest", "-m", "not docker", "-x"]]
    last = "Could not run here: tests marked docker (no container engine runs ARM64 here).\n"
    assert capsys.readouterr().out == last
