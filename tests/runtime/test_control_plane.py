"""The control plane as boto3 sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of

ROLE = "arn:aws:iam::123456789012:role/Test"


def create(aws: Clients, name: str = "hello_agent", uri: str = HELLO, **more: Any) -> dict[str, Any]:
    """CreateAgentRuntime with what every call needs."""
    created: dict[str, Any] = aws.control.create_agent_runtime(
        agentRuntimeName=name,
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": uri}},
        **{"roleArn": ROLE, "networkConfiguration": {"networkMode": "PUBLIC"}, **more},
    )
    return created


def update(aws: Clients, runtime_id: str, uri: str = HELLO, **more: Any) -> dict[str, Any]:
    """UpdateAgentRuntime with what every call needs."""
    updated: dict[str, Any] = aws.control.update_agent_runtime(
        agentRuntimeId=runtime_id,
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": uri}},
        **{"roleArn": ROLE, "networkConfiguration": {"networkMode": "PUBLIC"}, **more},
    )
    return updated


def settled(aws: Clients, runtime_id: str) -> dict[str, Any]:
    """GetAgentRuntime once the runtime is between no two states."""
    for _ in range(6000):
        runtime: dict[str, Any] = aws.control.get_agent_runtime(agentRuntimeId=runtime_id)
        if not runtime["status"].endswith("ING"):
            return runtime
        time.sleep(0.01)
    raise AssertionError(f"{runtime_id} did not settle: {runtime['status']}")


def refusal(call: Callable[[], Any]) -> tuple[str, int, str, dict[str, Any]]:
    """Code, HTTP status, message and whole answer of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call()
    response: dict[str, Any] = dict(caught.value.response)
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"], response


def test_create_answers_202_with_version_1_and_settles_to_ready(aws: Clients) -> None:
    """A new runtime is CREATING with version "1", then READY, with the endpoint DEFAULT on that version."""
    created = create(aws)
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (created["status"], created["agentRuntimeVersion"]) == ("CREATING", "1")
    runtime_id = created["agentRuntimeId"]
    assert (
        created["agentRuntimeArn"] == f"arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/{runtime_id}"
    )
    assert settled(aws, runtime_id)["status"] == "READY"
    endpoint = aws.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
    assert (endpoint["status"], endpoint["liveVersion"]) == ("READY", "1")


def test_get_returns_what_create_was_given(aws: Clients) -> None:
    """Configuration comes back as it went in, with AWS's defaults where none was given."""
    given: dict[str, Any] = {
        "description": "says hello",
        "environmentVariables": {"MODE": "test"},
        "protocolConfiguration": {"serverProtocol": "HTTP"},
        "requestHeaderConfiguration": {"requestHeaderAllowlist": ["X-Team"]},
    }
    runtime = settled(aws, create(aws, **given)["agentRuntimeId"])
    assert {name: runtime[name] for name in given} == given
    assert runtime["lifecycleConfiguration"] == {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28800}
    assert runtime["agentRuntimeName"] == "hello_agent"
    assert runtime["roleArn"] == ROLE


def test_update_makes_a_new_version_and_leaves_the_old_one_as_it_was(aws: Clients) -> None:
    """Versions are immutable; an update replaces the whole configuration and DEFAULT follows it."""
    runtime_id = create(aws, description="first", environmentVariables={"A": "1"})["agentRuntimeId"]
    settled(aws, runtime_id)
    updated = update(aws, runtime_id, description="second")
    assert (updated["agentRuntimeVersion"], updated["status"]) == ("2", "UPDATING")
    latest = settled(aws, runtime_id)
    assert latest["description"] == "second"
    assert "environmentVariables" not in latest
    first = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    assert (first["description"], first["environmentVariables"]) == ("first", {"A": "1"})
    endpoint = aws.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
    assert endpoint["liveVersion"] == "2"


def test_versions_are_listed_newest_first_page_by_page(aws: Clients) -> None:
    """ListAgentRuntimeVersions pages through every version once."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    for _ in range(4):
        update(aws, runtime_id)
        settled(aws, runtime_id)
    pages = aws.control.get_paginator("list_agent_runtime_versions").paginate(
        agentRuntimeId=runtime_id, PaginationConfig={"PageSize": 2}
    )
    numbers = [[item["agentRuntimeVersion"] for item in page["agentRuntimes"]] for page in pages]
    assert numbers == [["5", "4"], ["3", "2"], ["1"]]


def test_runtimes_are_listed_page_by_page(aws: Clients) -> None:
    """ListAgentRuntimes pages through every runtime once."""
    names = {f"agent_{n}" for n in range(5)}
    for name in names:
        create(aws, name)
    pages = list(aws.control.get_paginator("list_agent_runtimes").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["agentRuntimes"]) for page in pages] == [2, 2, 1]
    assert {item["agentRuntimeName"] for page in pages for item in page["agentRuntimes"]} == names


def test_delete_removes_the_runtime_and_frees_its_name(aws: Clients) -> None:
    """After DeleteAgentRuntime the id is unknown and the name can be used again."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    assert aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
    for _ in range(6000):
        try:
            aws.control.get_agent_runtime(agentRuntimeId=runtime_id)
        except aws.control.exceptions.ResourceNotFoundException:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the runtime is still there")
    create(aws)


def test_one_version_can_be_deleted_unless_an_endpoint_needs_it(aws: Clients) -> None:
    """DeleteAgentRuntime with a version removes that version alone; the live one is refused."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    update(aws, runtime_id)
    settled(aws, runtime_id)
    delete = aws.control.delete_agent_runtime
    assert (
        refusal(lambda: delete(agentRuntimeId=runtime_id, agentRuntimeVersion="2"))[0] == "ConflictException"
    )
    assert delete(agentRuntimeId=runtime_id, agentRuntimeVersion="1")["agentRuntimeVersion"] == "1"
    left = aws.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
    assert [version["agentRuntimeVersion"] for version in left] == ["2"]


def test_state_survives_a_restart(settings: Settings, clock: FakeClock, backend: ScriptedBackend) -> None:
    """Runtimes, versions and endpoints are the same for the next engine on the data directory."""
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        runtime_id = create(aws)["agentRuntimeId"]
        settled(aws, runtime_id)
        update(aws, runtime_id, description="second")
        before = settled(aws, runtime_id)
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        after = aws.control.get_agent_runtime(agentRuntimeId=runtime_id)
        assert _without_metadata(after) == _without_metadata(before)
        endpoint = aws.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
        assert endpoint["liveVersion"] == "2"


def _without_metadata(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def test_a_name_with_a_dash_is_refused_in_aws_words(aws: Clients) -> None:
    """The pattern of agentRuntimeName is checked by the engine, as botocore does not."""
    code, status, message, response = refusal(lambda: create(aws, "my-agent"))
    assert (code, status) == ("ValidationException", 400)
    assert message == (
        "1 validation error detected: Value 'my-agent' at 'agentRuntimeName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}"
    )
    assert response["reason"] == "FieldValidationFailed"
    assert [field["name"] for field in response["fieldList"]] == ["agentRuntimeName"]


def test_a_missing_image_is_refused_with_what_would_mend_it(aws: Clients) -> None:
    """An unknown containerUri never becomes a runtime."""
    uri = HELLO.replace("hello", "nobody")
    code, status, message, _ = refusal(lambda: create(aws, uri=uri))
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith("The specified image identifier does not exist in the repository.")
    assert uri in message
    assert aws.control.list_agent_runtimes()["agentRuntimes"] == []


def test_an_amd64_image_is_refused_in_aws_words(aws: Clients, backend: ScriptedBackend) -> None:
    """AgentCore runs linux/arm64 alone."""
    uri = HELLO.replace("hello", "intel")
    backend.add(uri, architecture="amd64")
    code, status, message, _ = refusal(lambda: create(aws, uri=uri))
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(f"Architecture incompatible for uri '{uri}'. Supported architectures: [arm64].")


def test_a_name_is_taken_once(aws: Clients) -> None:
    """A second runtime of the same name is a ConflictException."""
    create(aws)
    assert refusal(lambda: create(aws))[:2] == ("ConflictException", 409)


def test_an_unknown_runtime_is_not_found(aws: Clients) -> None:
    """Every call on an unknown id answers ResourceNotFoundException in AWS's words."""
    code, status, message, _ = refusal(
        lambda: aws.control.get_agent_runtime(agentRuntimeId="nobody-0123456789")
    )
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message == "Agent 'nobody-0123456789' was not found. Please check the agent ID and try again."


def test_an_idle_timeout_above_the_lifetime_is_refused(aws: Clients) -> None:
    """AWS: idleRuntimeSessionTimeout must be less than or equal to maxLifetime."""
    lifecycle = {"idleRuntimeSessionTimeout": 600, "maxLifetime": 300}
    code, _, message, _ = refusal(lambda: create(aws, lifecycleConfiguration=lifecycle))
    assert code == "ValidationException"
    assert message == "idleRuntimeSessionTimeout must be less than or equal to maxLifetime"


def test_a_short_lifetime_takes_the_idle_timeout_down_with_it(aws: Clients) -> None:
    """AWS: with only maxLifetime given, and below 900, the idle time-out equals it."""
    runtime = settled(aws, create(aws, lifecycleConfiguration={"maxLifetime": 300})["agentRuntimeId"])
    assert runtime["lifecycleConfiguration"] == {"idleRuntimeSessionTimeout": 300, "maxLifetime": 300}


def test_a_foreign_next_token_is_refused(aws: Clients) -> None:
    """A token this operation never returned is a ValidationException, not a traceback."""
    assert refusal(lambda: aws.control.list_agent_runtimes(nextToken="€"))[0] == "ValidationException"
    runtime_id = create(aws)["agentRuntimeId"]
    listing = aws.control.list_agent_runtime_versions
    assert refusal(lambda: listing(agentRuntimeId=runtime_id, nextToken="eHl6"))[0] == "ValidationException"


def test_a_modelled_operation_without_a_handler_says_so(aws: Clients) -> None:
    """501 with the operation's name, for what is not answered yet."""
    code, status, message, _ = refusal(aws.control.list_memories)
    assert (code, status) == ("NotImplementedException", 501)
    assert "ListMemories" in message
