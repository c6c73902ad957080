"""``serve``, ``status``, ``down``, ``env`` and ``images build``, as a user and a script run them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from agentcore_lab.settings import Settings
from tests.conftest import clients_of
from tests.programs import Program
from tests.runtime.test_control_plane import create, settled, update

HELLO_AGENT = "123456789012.dkr.ecr.us-west-2.amazonaws.com/hello-agent:latest"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The command line with a data directory of this test."""
    return Program(tmp_path / "data")


def build_hello(program: Program, sandbox: str) -> None:
    """hello-agent as an image of the sandbox."""
    built = program.run("images", "build", "hello-agent", "--sandbox", sandbox, timeout=300)
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize(
    "sandbox",
    [pytest.param("process", marks=pytest.mark.process), pytest.param("docker", marks=pytest.mark.docker)],
)
def test_a_killed_engine_loses_nothing_and_leaves_nothing_running(program: Program, sandbox: str) -> None:
    """After kill -9 the next engine has every runtime, version and endpoint, and no sandbox is left unowned."""
    build_hello(program, sandbox)
    with program.serving("--sandbox", sandbox, "--port", "0") as first:
        aws = clients_of(first.engine.url)
        runtime_id = create(aws, uri=HELLO_AGENT)["agentRuntimeId"]
        settled(aws, runtime_id)
        update(aws, runtime_id, uri=HELLO_AGENT, description="second")
        before = settled(aws, runtime_id)
        session_id = str(uuid.uuid4())
        aws.data.invoke_agent_runtime(
            agentRuntimeArn=before["agentRuntimeArn"],
            runtimeSessionId=session_id,
            payload=json.dumps({"prompt": "Ada"}),
        )
        first.process.kill()
        first.process.wait()
    with program.serving("--sandbox", sandbox, "--port", "0") as second:
        aws = clients_of(second.engine.url)
        after = settled(aws, runtime_id)
        assert _facts(after) == _facts(before)
        versions = aws.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
        assert [version["agentRuntimeVersion"] for version in versions] == ["2", "1"]
        endpoint = aws.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
        assert endpoint["liveVersion"] == "2"
        assert second.engine.fetch("sessions")["sessions"] == []
        assert _sandboxes(program, sandbox) == []
        answer = aws.data.invoke_agent_runtime(
            agentRuntimeArn=after["agentRuntimeArn"],
            runtimeSessionId=session_id,
            payload=json.dumps({"prompt": "Ada"}),
        )
        assert json.load(answer["response"])["turn"] == 1
    assert _sandboxes(program, sandbox) == []


def _facts(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def _sandboxes(program: Program, sandbox: str) -> list[str]:
    """What runs that belongs to the program's data directory, as the machine itself knows it."""
    if sandbox == "docker":
        owner = (program.data_dir / "owner").read_text()
        command = ["docker", "ps", "-aq", "--filter", f"label=agentcore-lab.owner={owner}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    folder = str(program.data_dir / "sandboxes")
    return [str(process.pid) for process in psutil.process_iter() if folder in _cwd(process)]


def _cwd(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


@pytest.mark.process
def test_one_data_directory_has_one_engine(program: Program) -> None:
    """A second engine ends with exit code 3 and says what to do; the first goes on."""
    with program.serving("--sandbox", "process", "--port", "0") as first:
        second = program.run("serve", "--sandbox", "process", "--port", "0")
        assert second.returncode == 3
        assert "Another engine already uses" in second.stderr
        assert first.engine.fetch("status")["instance"] == first.engine.instance


@pytest.mark.process
def test_a_taken_port_is_told_in_one_sentence(program: Program) -> None:
    """A port that was asked for is used or refused, never exchanged in silence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        served = program.run("serve", "--sandbox", "process", "--port", port)
    assert served.returncode == 1
    assert served.stderr.strip().endswith(
        f"Port {port} is taken by another program. Choose another with --port, or --port 0 for any."
    )


@pytest.mark.process
def test_sigterm_ends_the_engine_and_its_sessions(program: Program) -> None:
    """serve is graceful: exit code 0, no note, no sandbox."""
    build_hello(program, "process")
    with program.serving("--sandbox", "process", "--port", "0") as serving:
        aws = clients_of(serving.engine.url)
        arn = settled(aws, create(aws, uri=HELLO_AGENT)["agentRuntimeId"])["agentRuntimeArn"]
        aws.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=b'{"prompt": "Ada"}')
        assert len(_sandboxes(program, "process")) > 0
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(90) == 0
    assert _sandboxes(program, "process") == []
    assert program.run("status").returncode == 1


@pytest.mark.process
def test_status_env_and_down_find_the_engine_by_data_directory_and_by_port(program: Program) -> None:
    """Every command finds the running engine by itself, or takes --port."""
    with program.serving("--sandbox", "process", "--port", "0") as serving:
        port = serving.engine.url.rpartition(":")[2]
        elsewhere = Program(program.data_dir.with_name("elsewhere"))
        for command in (program.run("status", "--json"), elsewhere.run("status", "--json", "--port", port)):
            status = json.loads(command.stdout)
            assert (status["url"], status["sandbox"], status["runtimes"]) == (
                serving.engine.url,
                "process",
                [],
            )
        assert "sandbox process" in program.run("status").stdout
        assert elsewhere.run("env").returncode == 1
        assert program.run("down").returncode == 0
        assert serving.process.wait(90) == 0
    assert program.run("down").stdout.strip() == "No engine runs."


@pytest.mark.process
def test_env_points_an_unaware_boto3_script_at_the_engine(program: Program) -> None:
    """eval "$(agentcore-lab env)" is all a script needs: endpoints, region and credentials."""
    with program.serving("--sandbox", "process", "--port", "0"):
        exports = program.run("env").stdout
        script = "import boto3; print(boto3.client('bedrock-agentcore-control').list_agent_runtimes())"
        shell = f'{exports}\n"{sys.executable}" -c "{script}"'
        ran = subprocess.run(
            ["sh", "-c", shell], env=program.environment(), capture_output=True, text=True, check=False
        )
        assert "'agentRuntimes': []" in ran.stdout, ran.stderr
        assert json.loads(program.run("env", "--json").stdout)["AWS_REGION"] == "us-west-2"


@pytest.mark.process
def test_images_build_tells_each_image_and_reuses_what_did_not_change(program: Program) -> None:
    """--json is for scripts; a second build with nothing changed says so."""
    first = program.run("images", "build", "hello-agent", "--sandbox", "process", "--json", timeout=300)
    (image,) = json.loads(first.stdout)
    assert image["uri"] == HELLO_AGENT
    again = program.run("images", "build", "hello-agent", "--sandbox", "process")
    assert "unchanged in" in again.stdout
    missing = program.run("images", "build", "no-such-agent", "--sandbox", "process")
    assert missing.returncode == 1
    assert "no-such-agent" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_settings_refuse_what_cannot_be_used(program: Program) -> None:
    """A wrong option or variable is a usage error that names it."""
    assert "--sandbox" in program.run("serve", "--sandbox", "vm").stderr
    wrong = program.run("status", environment={"AGENTCORE_LAB_PORT": "many"})
    assert "AGENTCORE_LAB_PORT" in wrong.stderr
    with pytest.raises(ValueError, match="AGENTCORE_LAB_SANDBOX"):
        Settings.load({"AGENTCORE_LAB_SANDBOX": "vm"})


def test_who_has_signatures_not_verified_is_warned(program: Program) -> None:
    """Before anything is served, or cannot be."""
    started = program.run(
        "serve", "--sandbox", "process", "--port", "0", "--no-sigv4", "--model", "none-such"
    )
    assert "Signatures are not verified" in started.stderr


def test_the_model_is_chosen_by_an_option(program: Program) -> None:
    """What is no model is told with what there is, and what is one answers bedrock-runtime."""
    refused = program.run("serve", "--sandbox", "process", "--port", "0", "--model", "gpt")
    assert refused.returncode == 1
    assert "use scripted, openai=URL" in refused.stderr
    nowhere = "openai=http://127.0.0.1:9/v1#any"
    with program.serving("--sandbox", "process", "--port", "0", "--model", nowhere):
        variables = json.loads(program.run("env", "--json").stdout)
        script = (
            "import boto3; from botocore.config import Config\n"
            "client = boto3.client('bedrock-runtime', config=Config(retries={'total_max_attempts': 1}))\n"
            "hello = [{'role': 'user', 'content': [{'text': 'hello'}]}]\n"
            "client.converse(modelId='anthropic.claude-3-haiku-20240307-v1:0', messages=hello)\n"
        )
        asked = subprocess.run(
            [sys.executable, "-c", script],
            env={**program.environment(), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "ServiceUnavailableException" in asked.stderr
    assert "http://127.0.0.1:9/v1" in asked.stderr
