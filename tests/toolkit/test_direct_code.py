"""The starter toolkit in direct-code mode: its Python API and its command line, unmodified, on ARM64 containers."""

from __future__ import annotations

import json

import pytest

from tests.toolkit.conftest import Toolkit

pytestmark = [pytest.mark.docker, pytest.mark.long]

NOTEBOOK = """\
import json

from bedrock_agentcore_starter_toolkit import Runtime

runtime = Runtime()
runtime.configure(
    entrypoint="agent.py",
    agent_name="from_a_notebook",
    requirements_file="requirements.txt",
    auto_create_execution_role=True,
    auto_create_s3=True,
    deployment_type="direct_code_deploy",
    runtime_type="PYTHON_3_13",
)
launched = runtime.launch()
status = runtime.status()
answer = runtime.invoke({"prompt": "Ada"})
again = runtime.launch(auto_update_on_conflict=True)
newer = runtime.status()
destroyed = runtime.destroy()
told = {
    "mode": launched.mode,
    "same": launched.agent_id == again.agent_id,
    "statuses": [status.agent["status"], status.endpoint["status"]],
    "versions": [status.endpoint["liveVersion"], newer.endpoint["liveVersion"]],
    "answer": answer["response"],
    "errors": destroyed.errors,
    "removed": [each.split(":")[0] for each in destroyed.resources_removed],
}
print("TOLD", json.dumps(told))
"""


def test_the_python_api(toolkit: Toolkit) -> None:
    """configure, launch, status, invoke, launch again, destroy: each as on AWS, nothing of it knows the engine."""
    (toolkit.project / "notebook.py").write_text(NOTEBOOK)
    output = toolkit.run("python", "notebook.py")
    (line,) = [line for line in output.splitlines() if line.startswith("TOLD ")]
    told = json.loads(line.removeprefix("TOLD "))
    assert told["mode"] == "direct_code_deploy"
    assert told["statuses"] == ["READY", "READY"]
    assert told["same"]
    assert told["versions"] == ["1", "2"]
    assert [json.loads(part) for part in told["answer"]] == [{"answer": "Hello Ada.", "machine": "aarch64"}]
    assert told["errors"] == []
    assert {"AgentCore agent", "IAM execution role"} <= set(told["removed"])


def test_the_command_line_with_opentelemetry(toolkit: Toolkit) -> None:
    """AWS's launcher is in the requirements, so that the toolkit asks for it as the entry point."""
    (toolkit.project / "requirements.txt").write_text("bedrock-agentcore\naws-opentelemetry-distro>=0.10.0\n")
    code = ("--deployment-type", "direct_code_deploy", "--runtime", "PYTHON_3_13")
    toolkit.run(
        *("agentcore", "configure", "--entrypoint", "agent.py", "--name", "by_command", *code),
        *("--requirements-file", "requirements.txt", "--region", "us-west-2"),
        *("--non-interactive", "--disable-memory"),
    )
    assert "OpenTelemetry instrumentation enabled" in toolkit.run("agentcore", "deploy")
    # `deploy` waits two minutes at most, which a busy emulator may need more than.
    assert any("Endpoint: DEFAULT (READY)" in toolkit.run("agentcore", "status") for _ in range(20))
    answered = toolkit.run("agentcore", "invoke", '{"prompt": "Grace"}')
    assert '"answer": "Hello Grace."' in answered
    assert '"machine": "aarch64"' in answered
    assert "stopped successfully" in toolkit.run("agentcore", "stop-session")
    assert "Errors: 0" in toolkit.run("agentcore", "destroy", "--force")
