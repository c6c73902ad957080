"""``agentcore-lab doctor`` as a person and a script meet it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from agentcore_lab import __version__
from agentcore_lab.cli import app
from tests.doctor.scripted import DEBIAN, ScriptedMachine, fail, fresh_debian


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> ScriptedMachine:
    """A fresh Debian under the command line."""
    scripted = fresh_debian()
    monkeypatch.setattr("agentcore_lab.cli.doctor.ThisMachine", lambda: scripted)
    monkeypatch.setenv("AGENTCORE_LAB_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("AGENTCORE_LAB_SANDBOX", raising=False)
    return scripted


def doctor(*arguments: str) -> Any:
    """Run the command."""
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_one_line_a_check_and_the_command_that_mends(machine: ScriptedMachine) -> None:
    """Every check has its line; what is missing is followed by the command that would mend it."""
    result = doctor()
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line[:1] not in " T"] == ["ok"] * 3 + ["missing"] * 4
    assert any(line.strip().startswith("mend with: env DEBIAN_FRONTEND") for line in lines)
    assert lines[-1].startswith("The lab will run on the process sandbox")
    assert result.exit_code == 0


def test_fix_prints_each_command_before_it_runs(machine: ScriptedMachine) -> None:
    """Without a terminal --fix goes ahead, and shows what it does."""
    result = doctor("--fix")
    shown = [line.removeprefix("$ ") for line in result.stdout.splitlines() if line.startswith("$ ")]
    assert shown == machine.mended_with
    assert result.stdout.splitlines()[-1] == "The lab will run on docker: one ARM64 container a session."


def test_an_unreachable_apt_shows_its_words_and_no_traceback(machine: ScriptedMachine) -> None:
    """apt's last lines are shown, indented under the command that failed."""
    machine.effects = {"apt-get": fail("E: Could not resolve the archive")}
    result = doctor("--fix")
    assert "  | E: Could not resolve the archive" in result.stdout
    assert "Traceback" not in result.output
    assert result.exit_code == 0


def test_json_is_alone_on_stdout(machine: ScriptedMachine) -> None:
    """A script reads stdout; the conversation goes to stderr."""
    result = doctor("--json", "--for", "test")
    report = json.loads(result.stdout)
    assert report["works"] == {"docker": False, "process": True, "images": False, "browser": False}
    assert [check["name"] for check in report["checks"]][-1] == "Chromium"
    assert "missing" in result.stderr


def test_docker_that_cannot_be_had_exits_1(machine: ScriptedMachine) -> None:
    """Who asks for docker where there is none is told what would work."""
    result = doctor("--sandbox", "docker")
    assert result.exit_code == 1
    assert (
        result.stdout.splitlines()[-1] == "The lab cannot run on docker here; --sandbox process would work."
    )


def test_the_environment_chooses_the_sandbox(
    machine: ScriptedMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AGENTCORE_LAB_SANDBOX counts where --sandbox is not given."""
    monkeypatch.setenv("AGENTCORE_LAB_SANDBOX", "docker")
    assert doctor().exit_code == 1


@pytest.mark.parametrize("arguments", [("--sandbox", "podman"), ("--for", "lunch")])
def test_an_unknown_choice_names_the_choices(machine: ScriptedMachine, arguments: tuple[str, str]) -> None:
    """A wrong word is a usage error that lists the right ones."""
    result = doctor(*arguments)
    assert result.exit_code == 2
    assert "is not one of" in result.stderr


def person(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Put a person at the terminal who types ``answer``; returns the questions they were asked."""
    questions: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        questions.append(text)
        return answer == "y"

    monkeypatch.setattr("agentcore_lab.cli.doctor.person_present", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    return questions


def test_a_person_is_asked_first(machine: ScriptedMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal nothing runs before a yes, and a no leaves the machine as it was."""
    questions = person(monkeypatch, "n")
    result = doctor("--fix")
    assert questions == ["Run this?"]
    assert machine.mended_with == []
    assert "apt-get install" in result.stdout


def test_yes_asks_nobody(machine: ScriptedMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """--yes is the answer to every question."""
    questions = person(monkeypatch, "n")
    assert doctor("--fix", "--yes").exit_code == 0
    assert questions == []
    assert machine.mended_with


def test_a_user_without_root_is_told_plainly(machine: ScriptedMachine) -> None:
    """Where nothing can be installed, one line says so."""
    machine.root = False
    assert DEBIAN in machine.files.values()
    lines = doctor("--fix").stdout.splitlines()
    assert sum("Nothing can be installed here" in line for line in lines) == 1


def test_version() -> None:
    """--version prints the package's version."""
    assert CliRunner().invoke(app, ["--version"]).stdout == f"agentcore-lab {__version__}\n"
