"""JupyterHub's example for a class: the configuration loads, and each student gets an account of her own."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from traitlets.config.loader import PyFileConfigLoader

from agentcore_lab.accounts.accounts import accounts_in
from agentcore_lab.discovery import leave_note
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO
from tests.programs import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "jupyterhub"


def program(path: Path, text: str) -> Path:
    """A shell script that can be run."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def teachers(tmp_path: Path) -> Iterator[Settings]:
    """The settings of an engine on scripted sandboxes that runs."""
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", port=0, quotas=UNMETERED)
    backend = ScriptedBackend()
    backend.add(HELLO)
    with engine_in_thread(settings, backend, FakeClock()) as engine:
        leave_note(engine)
        yield settings


@pytest.fixture
def configuration(tmp_path: Path, teachers: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What JupyterHub reads; `runuser`, which only root may use, runs the command as it is."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "students.txt").write_text("ada\ngrace\n")
    program(tmp_path / "bin" / "runuser", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    command = program(tmp_path / "bin" / "agentcore-lab", f'exec {sys.executable} -m agentcore_lab "$@"')
    for name, value in {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AGENTCORE_LAB_DATA_DIR": str(teachers.data_dir),
        "CLASS_FOLDER": str(tmp_path / "class"),
        "CLASS_TEACHER": getpass.getuser(),
        "CLASS_AGENTCORE_LAB": str(command),
        "CLASS_PASSWORD": "a long word",
    }.items():
        monkeypatch.setenv(name, value)
    return PyFileConfigLoader("jupyterhub_config.py", path=str(EXAMPLE)).load_config()


def test_only_the_class_gets_in_and_each_to_a_server_of_her_own_user(configuration: Any) -> None:
    """The names of students.txt, one password from the environment, a Unix user each."""
    assert configuration.Authenticator.allowed_users == {"ada", "grace"}
    assert configuration.SharedPasswordAuthenticator.user_password == "a long word"
    assert configuration.JupyterHub.spawner_class == "jupyterhub.spawner.LocalProcessSpawner"
    assert configuration.JupyterHub.cleanup_servers is False, "students would lose their kernels with the hub"


def test_each_server_gets_its_students_account(configuration: Any, teachers: Settings) -> None:
    """Ada's of before, a new one for grace, who comes for the first time; what ada makes is not there for grace."""
    with accounts_in(teachers.data_dir, teachers.account_id) as accounts:
        before = accounts.add("ada").id

    def environment(student: str) -> dict[str, str]:
        spawner = SimpleNamespace(user=SimpleNamespace(name=student), environment={"LANG": "C.UTF-8"})
        hook: Callable[[Any], Any] = configuration.Spawner.pre_spawn_hook
        asyncio.run(hook(spawner))
        variables: dict[str, str] = spawner.environment
        return variables

    def control(variables: dict[str, str]) -> Any:
        return boto3.client(
            "bedrock-agentcore-control",
            endpoint_url=variables["AGENTCORE_LAB_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    ada, grace = environment("ada"), environment("grace")
    assert ada["LANG"] == "C.UTF-8"
    control(ada).create_agent_runtime(
        agentRuntimeName="hers",
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": HELLO}},
        networkConfiguration={"networkMode": "PUBLIC"},
        roleArn=f"arn:aws:iam::{before}:role/Agent",
    )
    assert [each["agentRuntimeName"] for each in control(ada).list_agent_runtimes()["agentRuntimes"]] == [
        "hers"
    ]
    assert control(grace).list_agent_runtimes()["agentRuntimes"] == []


def test_what_hinders_a_server_is_told(
    configuration: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterHub shows the hook's error to the student: the command's own sentence."""
    monkeypatch.setenv("AGENTCORE_LAB_DATA_DIR", str(tmp_path / "elsewhere"))
    spawner = SimpleNamespace(user=SimpleNamespace(name="ada"), environment={})
    with pytest.raises(RuntimeError, match="No engine runs"):
        asyncio.run(configuration.Spawner.pre_spawn_hook(spawner))
