"""The AWS CLI, as installed from PyPI."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.accounts.handed_out import credentials_for
from tests.clients.stage import Deployed, Stage, new_session_id


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """An agent that starts fast."""
    with stage.deployed("misbehaving-agent") as deployed:
        yield deployed


def aws(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with nothing but the environment to tell it where the engine is."""
    environment = stage.program.environment() | {
        "AWS_ENDPOINT_URL": stage.engine.url,
        "AWS_DEFAULT_REGION": "us-west-2",
        **credentials_for(stage.engine).environment(),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-W", "ignore", "-m", "awscli", "--output", "json", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)


def answered(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command that succeeded printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_cli_lists_and_invokes(stage: Stage, agent: Deployed, tmp_path: Path) -> None:
    """Both planes answer it: the runtime is listed, its answer's body is written to a file."""
    listed = answered(aws(stage, "bedrock-agentcore-control", "list-agent-runtimes"))
    assert agent.arn in [runtime["agentRuntimeArn"] for runtime in listed["agentRuntimes"]]
    payload, body, session_id = tmp_path / "payload", tmp_path / "body", new_session_id()
    payload.write_bytes(b'{"fault": "none"}')
    called = aws(
        stage,
        *("bedrock-agentcore", "invoke-agent-runtime", "--agent-runtime-arn", agent.arn),
        *("--runtime-session-id", session_id, "--payload", f"fileb://{payload}", str(body)),
    )
    told = answered(called)
    assert (told["statusCode"], told["runtimeSessionId"]) == (200, session_id)
    assert json.loads(body.read_text()) == {"fault": "none"}


def test_the_cli_shows_an_agents_error_in_its_own_words(
    stage: Stage, agent: Deployed, tmp_path: Path
) -> None:
    """The error's name and message as of any AWS service."""
    payload = tmp_path / "payload"
    payload.write_bytes(b'{"fault": "status", "code": 418}')
    done = aws(
        stage,
        *("bedrock-agentcore", "invoke-agent-runtime", "--agent-runtime-arn", agent.arn),
        *("--payload", f"fileb://{payload}", str(tmp_path / "body")),
    )
    assert done.returncode != 0
    assert "(RuntimeClientError)" in done.stderr
    assert "Received error (418) from runtime." in done.stderr
