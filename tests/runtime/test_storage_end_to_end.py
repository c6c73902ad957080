"""Session storage with real agents: through kill -9 of the engine, and until its fourteen days are over."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab_clock import LabClock
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.programs import Program
from tests.runtime.test_control_plane import create, settled
from tests.sandbox.arena import AGENTS

PROBE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/probe:latest"
PATH = "/mnt/workspace"


def ask(aws: Clients, arn: str, session_id: str, action: str, **payload: Any) -> dict[str, Any]:
    """What the agent answers; it knows its storage by the variable FOLDER."""
    answer = aws.data.invoke_agent_runtime(
        agentRuntimeArn=arn,
        runtimeSessionId=session_id,
        payload=json.dumps({"action": action, "folder": "FOLDER", **payload}),
    )
    return dict(json.load(answer["response"]))


def storages(program: Program, sandbox: str) -> list[str]:
    """What is stored for the program's data directory, as the machine itself knows it."""
    owner = (program.data_dir / "owner").read_text()
    if sandbox == "docker":
        command = ["docker", "volume", "ls", "-q", "--filter", f"label=agentcore-lab.owner={owner}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [entry.name for entry in (program.data_dir / "storage" / owner).glob("*")]


def alive(engine: RunningEngine) -> list[str]:
    """The sessions that have not ended."""
    listed = engine.fetch("sessions")["sessions"]
    return [session["sessionId"] for session in listed if session["state"] != "Terminated"]


@pytest.mark.parametrize(
    "sandbox",
    [pytest.param("process", marks=pytest.mark.process), pytest.param("docker", marks=pytest.mark.docker)],
)
def test_what_a_session_stores_outlives_the_engine_and_nothing_outlives_its_time(
    tmp_path: Path, sandbox: str
) -> None:
    """A file survives a stop and kill -9; two weeks on, and after a deletion, the machine has nothing of it."""
    program = Program(tmp_path / "data")
    built = program.run(
        "images", "build", "probe", "--containers", str(AGENTS), "--sandbox", sandbox, timeout=300
    )
    assert built.returncode == 0, built.stderr
    kept, other = str(uuid.uuid4()), str(uuid.uuid4())
    with program.serving("--sandbox", sandbox, "--port", "0") as first:
        aws = clients_of(first.engine.url)
        runtime_id = create(
            aws,
            uri=PROBE,
            filesystemConfigurations=[{"sessionStorage": {"mountPath": PATH}}],
            environmentVariables={"FOLDER": PATH},
        )["agentRuntimeId"]
        arn = settled(aws, runtime_id)["agentRuntimeArn"]
        assert storages(program, sandbox) == []  # the proof's is gone
        ask(aws, arn, kept, "write", name="one.txt")
        aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=kept)
        assert ask(aws, arn, kept, "found") == {"found": ["one.txt"]}
        ask(aws, arn, kept, "write", name="two.txt")
        first.process.kill()
        first.process.wait()
    with program.serving("--sandbox", sandbox, "--port", "0") as second:
        aws = clients_of(second.engine.url)
        assert ask(aws, arn, kept, "found") == {"found": ["one.txt", "two.txt"]}
        assert ask(aws, arn, other, "found") == {"found": []}
        assert len(storages(program, sandbox)) == 2
        LabClock(second.engine).advance(days=14)
        eventually(lambda: alive(second.engine) == [])
        eventually(lambda: storages(program, sandbox) == [])
        assert ask(aws, arn, kept, "found") == {"found": []}
        aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
        eventually(lambda: storages(program, sandbox) == [])
