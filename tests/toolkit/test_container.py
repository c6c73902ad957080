"""The starter toolkit in container mode: CodeBuild builds what its Dockerfile says, unmodified, on ARM64 containers."""

from __future__ import annotations

import json

import pytest

from tests.toolkit.conftest import Toolkit

pytestmark = [pytest.mark.docker, pytest.mark.long]

NOTEBOOK = """\
import json

import boto3
from bedrock_agentcore_starter_toolkit import Runtime

runtime = Runtime()
runtime.configure(
    entrypoint="agent.py",
    agent_name="in_a_container",
    requirements_file="requirements.txt",
    auto_create_execution_role=True,
    auto_create_ecr=True,
    deployment_type="container",
)
launched = runtime.launch()
status = runtime.status()
answer = runtime.invoke({"prompt": "Ada"})
repository, tag = launched.ecr_uri.partition("/")[2].split(":")
images = boto3.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
build = boto3.client("codebuild").batch_get_builds(ids=[launched.codebuild_id])["builds"][0]
place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
log = boto3.client("logs").get_log_events(**place, startFromHead=True)["events"]
destroyed = runtime.destroy()
told = {
    "mode": launched.mode,
    "statuses": [status.agent["status"], status.endpoint["status"]],
    "answer": answer["response"],
    "pushed": [image["imageTags"] for image in images] == [[tag]],
    "size": images[0]["imageSizeInBytes"],
    "build": build["buildStatus"],
    "log": [event["message"] for event in log],
    "errors": destroyed.errors,
    "removed": [each.split(":")[0] for each in destroyed.resources_removed],
}
print("TOLD", json.dumps(told))
"""


def test_the_python_api(toolkit: Toolkit) -> None:
    """configure, launch, status, invoke, destroy, OpenTelemetry's launcher included; the log says what was done."""
    (toolkit.project / "notebook.py").write_text(NOTEBOOK)
    output = toolkit.run("python", "notebook.py")
    (line,) = [line for line in output.splitlines() if line.startswith("TOLD ")]
    told = json.loads(line.removeprefix("TOLD "))
    assert told["mode"] == "codebuild"
    assert told["statuses"] == ["READY", "READY"]
    assert [json.loads(part) for part in told["answer"]] == [{"answer": "Hello Ada.", "machine": "aarch64"}]
    assert (told["pushed"], told["build"]) == (True, "SUCCEEDED")
    assert told["size"] > 50_000_000
    log = "\n".join(told["log"])
    assert "FROM ghcr.io/astral-sh/uv:python3" in log
    assert "takes its place" in log
    assert "Running command docker build" in log
    assert told["errors"] == []
    assert {"AgentCore agent", "ECR images", "CodeBuild project"} <= set(told["removed"])


def test_the_command_line(toolkit: Toolkit) -> None:
    """configure, launch, status, invoke, destroy, from a shell."""
    toolkit.run(
        *("agentcore", "configure", "--entrypoint", "agent.py", "--name", "by_command_line"),
        *(
            "--requirements-file",
            "requirements.txt",
            "--deployment-type",
            "container",
            "--region",
            "us-west-2",
        ),
        *("--non-interactive", "--disable-memory", "--disable-otel"),
    )
    toolkit.run("agentcore", "launch")
    assert any("Endpoint: DEFAULT (READY)" in toolkit.run("agentcore", "status") for _ in range(20))
    answered = toolkit.run("agentcore", "invoke", '{"prompt": "Grace"}')
    assert '"answer": "Hello Grace."' in answered
    assert '"machine": "aarch64"' in answered
    assert "Errors: 0" in toolkit.run("agentcore", "destroy", "--force")
