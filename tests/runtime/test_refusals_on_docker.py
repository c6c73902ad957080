"""What a learner gets wrong, on a real engine with real containers: AWS's code, and a message that helps."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.programs import ROOT, Program
from tests.runtime.test_control_plane import create, refusal, settled

pytestmark = pytest.mark.docker

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
BASE = "FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm\n"


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    """The container engine itself."""
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """boto3 clients of an engine on Docker."""
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    with program.serving("--sandbox", "docker", "--port", "0") as serving:
        yield clients_of(serving.engine.url)


@pytest.fixture(scope="module")
def hello(client: DockerClient) -> str:
    """hello-agent's image."""
    builder = DockerBuilder(Settings.load().cache_dir, client)
    uri = f"{REGISTRY}/hello-agent:latest"
    return builder.build(ROOT / "containers" / "hello-agent", uri, on_step=lambda _: None).uri


def ready(aws: Clients, uri: str) -> str:
    """The ARN of a new READY runtime."""
    created = create(aws, f"agent_{uuid.uuid4().hex[:8]}", uri)
    arn: str = settled(aws, created["agentRuntimeId"])["agentRuntimeArn"]
    return arn


def invoke(aws: Clients, arn: str, payload: bytes) -> Any:
    """InvokeAgentRuntime, its answer read as JSON."""
    return json.load(aws.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=payload)["response"])


def test_a_good_call_is_answered_from_arm64(aws: Clients, hello: str) -> None:
    """The measure of all that follows: the same call, nothing wrong with it."""
    answer = invoke(aws, ready(aws, hello), b'{"prompt": "Ada"}')
    assert (answer["architecture"], answer["turn"]) == ("aarch64", 1)


def test_a_body_that_is_no_json_is_refused_by_the_agent(aws: Clients, hello: str) -> None:
    """Payloads are passed through; the SDK's own refusal comes back as AWS's 424, with what it said."""
    arn = ready(aws, hello)
    code, status, message, _ = refusal(lambda: invoke(aws, arn, b"{not json"))
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith("Received error (400) from runtime.")
    assert "Invalid JSON" in message


def test_an_amd64_image_is_refused(aws: Clients, client: DockerClient, tmp_path: Path) -> None:
    """AgentCore runs linux/arm64; the image on the engine decides, not its name."""
    uri = f"{REGISTRY}/intel-{uuid.uuid4().hex[:8]}:latest"
    (tmp_path / "file").write_text("x")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
    client.images.build(path=str(tmp_path), tag=uri, platform="linux/amd64")
    try:
        code, status, message, _ = refusal(lambda: create(aws, uri=uri))
    finally:
        client.images.remove(uri, force=True)
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(f"Architecture incompatible for uri '{uri}'. Supported architectures: [arm64].")
    assert "built for amd64" in message


def test_a_missing_image_is_refused(aws: Clients) -> None:
    """The message names the image and says how to make it."""
    uri = f"{REGISTRY}/nobody:latest"
    code, status, message, _ = refusal(lambda: create(aws, uri=uri))
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith("The specified image identifier does not exist in the repository.")
    assert uri in message
    assert "agentcore-lab images build" in message


def test_a_container_that_exits_at_start_shows_its_last_words(
    aws: Clients, client: DockerClient, tmp_path: Path
) -> None:
    """AWS's message first, then the exit code and the traceback AWS hides; nothing is left of the container."""
    uri = f"{REGISTRY}/broken-{uuid.uuid4().hex[:8]}:latest"
    (tmp_path / "agent.py").write_text("import strands_that_nobody_installed\n")
    (tmp_path / "Dockerfile").write_text(f'{BASE}COPY agent.py .\nCMD ["python", "agent.py"]\n')
    DockerBuilder(Settings.load().cache_dir, client).build(tmp_path, uri, on_step=lambda _: None)
    try:
        arn = ready(aws, uri)
        code, status, message, _ = refusal(lambda: invoke(aws, arn, b"{}"))
    finally:
        client.images.remove(uri, force=True)
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith("Runtime initialization time exceeded.")
    assert "exited with code 1" in message
    assert message.endswith("ModuleNotFoundError: No module named 'strands_that_nobody_installed'")
    label = f"agentcore-lab.runtime={arn.rpartition('/')[2]}"
    eventually(lambda: client.containers.list(all=True, sparse=True, filters={"label": label}) == [])
