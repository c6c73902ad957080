"""A Lab on somebody else's engine: found by its address, entered with the environment's credentials, never started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcore_lab.accounts.accounts import AccountError, accounts_in
from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.cli import app
from agentcore_lab.discovery import RunningEngine, leave_note
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.lab import Lab
from agentcore_lab.launch import NoEngineThere, NotYours, WrongSandbox
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread

SHA = "sha256:" + "7" * 64


@dataclass
class NotingBuilder:
    """Notes which files it is given under which name, and which of them may be executed; ``bad`` images fail."""

    given: dict[str, dict[str, bool]] = field(default_factory=dict)

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:  # noqa: ARG002
        """See Builder."""
        on_step(Step(1, 2, "preparing the base image"))
        if "/bad:" in uri:
            raise BuildError("the packages cannot be resolved")
        on_step(Step(2, 2, "assembling the image"))
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.given[uri] = {str(path.relative_to(folder)): os.access(path, os.X_OK) for path in files}
        return Built(uri, SHA, "arm64", 1.0, reused=False, size=42)


@pytest.fixture(scope="module")
def builder() -> NotingBuilder:
    """The teacher's engine builds with it."""
    return NotingBuilder()


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, builder: NotingBuilder) -> Iterator[RunningEngine]:
    """An engine with accounts for ada and grace."""
    folder = tmp_path_factory.mktemp("teacher")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    with engine_in_thread(settings, ScriptedBackend(), FakeClock(), builder=builder) as running:
        leave_note(running)
        with accounts_in(settings.data_dir, settings.account_id) as accounts:
            for name in ("ada", "grace"):
                accounts.add(name)
        yield running


@pytest.fixture
def as_student(
    teachers: RunningEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], None]:
    """Puts into the environment what the teacher gives a student, whose own folders are empty."""

    def enter(name: str) -> None:
        for variable, value in client_environment(teachers, name).items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("AGENTCORE_LAB_URL", teachers.url)
        monkeypatch.setenv("AGENTCORE_LAB_DATA_DIR", str(tmp_path / "own"))
        monkeypatch.setenv("AGENTCORE_LAB_CACHE_DIR", str(tmp_path / "own-cache"))

    return enter


def account_of(engine: RunningEngine, name: str) -> str:
    """The number of an account."""
    with accounts_in(Path(engine.data_dir), engine.account_id) as accounts:
        return accounts.find(name).id


def agent(folder: Path) -> Path:
    """An agent's folder."""
    folder.mkdir()
    (folder / "Dockerfile").write_text('FROM python:3.11\nCOPY . .\nCMD ["./start.sh"]\n')
    (folder / "start.sh").write_text("#!/bin/sh\n")
    (folder / "start.sh").chmod(0o755)
    (folder / "agent.py").write_text("print('hello')\n")
    (folder / "secret.env").write_text("KEY=1\n")
    (folder / ".dockerignore").write_text("*.env\n")
    return folder


def test_a_lab_is_of_the_account_in_its_environment(
    as_student: Callable[[str], None], teachers: RunningEngine, tmp_path: Path
) -> None:
    """Each student's Lab has another account on the one engine, and nothing of the student's own is started."""
    for name in ("ada", "grace"):
        as_student(name)
        lab = Lab()
        assert (lab.url, lab.account_id) == (teachers.url, account_of(teachers, name))
        assert lab.image_uri("a").startswith(lab.account_id)
        assert "somebody else's" not in repr(lab)
        assert not (tmp_path / "own").exists()


def test_an_engine_of_ones_own_can_be_had_all_the_same(
    as_student: Callable[[str], None], tmp_path: Path
) -> None:
    """Who names a data directory means an engine there."""
    as_student("ada")
    settings = Settings.load(data_dir=tmp_path / "mine")
    assert (settings.url, settings.data_dir) == ("", tmp_path / "mine")


def test_what_is_wrong_is_told_with_the_mend(
    as_student: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No engine, no credentials, credentials nobody knows, another's account, another sandbox."""
    as_student("ada")
    with pytest.raises(AccountError, match=r"are of account .* 'grace' was asked for"):
        Lab(account="grace")
    with pytest.raises(WrongSandbox, match="process was asked for"):
        Lab(sandbox="process")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALABAAAAAAAAAAAAA")
    with pytest.raises(AccountError, match="does not take the credentials"):
        Lab()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AccountError, match="env --lab --account NAME"):
        Lab()
    monkeypatch.setenv("AGENTCORE_LAB_URL", "http://127.0.0.1:9")
    with pytest.raises(NoEngineThere, match="No engine answers"):
        Lab()
    monkeypatch.setenv("AGENTCORE_LAB_URL", "engine")
    with pytest.raises(ValueError, match="AGENTCORE_LAB_URL is 'engine'"):
        Lab()


def test_the_engine_is_not_a_students_to_stop(as_student: Callable[[str], None]) -> None:
    """Neither from a notebook nor from a terminal."""
    as_student("ada")
    with pytest.raises(NotYours):
        Lab().stop()
    down = CliRunner().invoke(app, ["down"])
    assert (down.exit_code, "somebody else's" in down.stderr) == (1, True)


def test_the_engine_builds_what_a_student_may_not(
    as_student: Callable[[str], None], builder: NotingBuilder, tmp_path: Path
) -> None:
    """The folder's files arrive, executable ones as such, ignored ones not; the image is of the student's account."""
    as_student("ada")
    lab = Lab()
    built = lab.build(agent(tmp_path / "hello"), tag="v1")
    assert built.uri == f"{lab.account_id}.dkr.ecr.us-west-2.amazonaws.com/hello:v1"
    assert (built.digest, built.architecture, built.size) == (SHA, "arm64", 42)
    assert builder.given[built.uri] == {"Dockerfile": False, "start.sh": True, "agent.py": False}
    again = lab.build(tmp_path / "hello", tag="v1")
    assert again.digest == SHA


def test_a_build_that_fails_there_says_why_here(as_student: Callable[[str], None], tmp_path: Path) -> None:
    """In the builder's own words; what is wrong with the Dockerfile before anything is sent."""
    as_student("ada")
    folder = agent(tmp_path / "bad")
    with pytest.raises(BuildError, match="packages cannot be resolved"):
        Lab().build(folder)
    (folder / "Dockerfile").unlink()
    with pytest.raises(BuildError, match="Dockerfile"):
        Lab().build(folder)
