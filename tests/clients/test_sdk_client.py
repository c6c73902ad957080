"""The bedrock-agentcore SDK's client of runtimes: its own helpers, and what it hands on to boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentcore_lab.accounts.handed_out import credentials_for
from tests.clients.stage import Stage, new_session_id
from tests.runtime.test_control_plane import ROLE

# The SDK's own: its models are configured in a way that Pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`:DeprecationWarning")


@pytest.fixture
def client(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SDK's client, led to the engine by the environment alone."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", stage.engine.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL", stage.engine.url)
    for name, value in credentials_for(stage.engine).environment().items():
        monkeypatch.setenv(name, value)
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient

    made: Any = AgentCoreRuntimeClient(region="us-west-2")
    yield made
    made.cp_client.close()
    made.dp_client.close()


def test_a_runtimes_whole_life_through_the_sdk(stage: Stage, client: Any) -> None:
    """Create and wait, invoke with snake_case arguments, look at both states at once, tear down."""
    from bedrock_agentcore.runtime import WaitConfig

    quick = WaitConfig(max_wait=60, poll_interval=1)
    runtime = client.create_agent_runtime_and_wait(
        wait_config=quick,
        agent_runtime_name="sdk_agent",
        agent_runtime_artifact={"containerConfiguration": {"containerUri": stage.build("misbehaving-agent")}},
        role_arn=ROLE,
        network_configuration={"networkMode": "PUBLIC"},
    )
    assert runtime["status"] == "READY"
    session_id = new_session_id()
    answer = client.invoke_agent_runtime(
        agent_runtime_arn=runtime["agentRuntimeArn"], runtime_session_id=session_id, payload=b"{}"
    )
    assert (answer["runtimeSessionId"], json.load(answer["response"])) == (session_id, {"fault": "none"})

    client.create_agent_runtime_endpoint_and_wait(
        wait_config=quick, agent_runtime_id=runtime["agentRuntimeId"], name="beta"
    )
    both = client.get_aggregated_status(runtime["agentRuntimeId"], endpoint_name="beta")
    assert (both["runtime"]["status"], both["endpoint"]["status"]) == ("READY", "READY")

    client.teardown_endpoint_and_runtime(runtime["agentRuntimeId"], "beta")
    gone = client.get_aggregated_status(runtime["agentRuntimeId"])
    assert "ResourceNotFoundException" in gone["runtime"]["error"]
