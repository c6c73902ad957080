"""Endpoints as boto3 sees them: made, moved under load, moved back, and refused where AWS refuses."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.runtime.test_invocations import invoke, scripted

PROD = "prod"


def new_endpoint(aws: Clients, runtime_id: str, name: str = PROD, **more: Any) -> dict[str, Any]:
    """CreateAgentRuntimeEndpoint."""
    made: dict[str, Any] = aws.control.create_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, name=name, **more
    )
    return made


def move(aws: Clients, runtime_id: str, version: str, name: str = PROD) -> dict[str, Any]:
    """UpdateAgentRuntimeEndpoint to a version."""
    moved: dict[str, Any] = aws.control.update_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName=name, agentRuntimeVersion=version
    )
    return moved


def endpoint(aws: Clients, runtime_id: str, name: str = PROD) -> dict[str, Any]:
    """GetAgentRuntimeEndpoint as it is now."""
    found: dict[str, Any] = aws.control.get_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName=name
    )
    return found


def arrived(aws: Clients, runtime_id: str, name: str = PROD) -> dict[str, Any]:
    """GetAgentRuntimeEndpoint once the endpoint is between no two states."""
    eventually(lambda: not endpoint(aws, runtime_id, name)["status"].endswith("ING"))
    return endpoint(aws, runtime_id, name)


def two_versions(aws: Clients, uri: str = HELLO) -> str:
    """The id of a READY runtime with two versions."""
    runtime_id: str = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    update(aws, runtime_id, uri)
    settled(aws, runtime_id)
    return runtime_id


@pytest.fixture
def stuck(backend: ScriptedBackend) -> str:
    """The URI of an image that never proves healthy while anybody waits."""
    return scripted(backend, Script(unhealthy_pings=1_000_000), "stuck")


def test_an_endpoint_is_created_on_the_latest_version(aws: Clients) -> None:
    """202 and CREATING with the target alone; READY with the live version; every modelled member is there."""
    runtime_id = two_versions(aws)
    made = new_endpoint(aws, runtime_id, description="for customers")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    arn = f"arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/{runtime_id}"
    assert (made["status"], made["targetVersion"], made["endpointName"]) == ("CREATING", "2", PROD)
    assert (made["agentRuntimeArn"], made["agentRuntimeId"]) == (arn, runtime_id)
    assert made["agentRuntimeEndpointArn"] == f"{arn}/runtime-endpoint/prod"
    ready = arrived(aws, runtime_id)
    assert (ready["status"], ready["liveVersion"], ready["targetVersion"]) == ("READY", "2", "2")
    assert (ready["name"], ready["description"]) == (PROD, "for customers")
    assert ready["id"].startswith("prod-")


def test_an_endpoint_stays_where_it_was_put_and_is_moved_back_by_hand(aws: Clients) -> None:
    """An update of the runtime moves DEFAULT alone; rollback is pointing an endpoint at the old version."""
    runtime_id = two_versions(aws)
    new_endpoint(aws, runtime_id, agentRuntimeVersion="2")
    arrived(aws, runtime_id)
    update(aws, runtime_id)
    settled(aws, runtime_id)
    assert endpoint(aws, runtime_id)["liveVersion"] == "2"
    assert endpoint(aws, runtime_id, "DEFAULT")["liveVersion"] == "3"
    moved = move(aws, runtime_id, "1")
    assert (moved["status"], moved["liveVersion"], moved["targetVersion"]) == ("UPDATING", "2", "1")
    assert (arrived(aws, runtime_id)["status"], endpoint(aws, runtime_id)["liveVersion"]) == ("READY", "1")


def test_an_endpoint_without_a_description_is_told_without_one(aws: Clients) -> None:
    """The model has no empty description: Get and List leave the member out."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    (listed,) = aws.control.list_agent_runtime_endpoints(agentRuntimeId=runtime_id)["runtimeEndpoints"]
    assert listed["name"] == "DEFAULT"
    assert "description" not in listed
    assert "description" not in endpoint(aws, runtime_id, "DEFAULT")


def test_only_a_description_can_change_too(aws: Clients) -> None:
    """UpdateAgentRuntimeEndpoint without a version leaves the endpoint where it is."""
    runtime_id = two_versions(aws)
    new_endpoint(aws, runtime_id, agentRuntimeVersion="1")
    arrived(aws, runtime_id)
    aws.control.update_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName=PROD, description="the old one"
    )
    ready = arrived(aws, runtime_id)
    assert (ready["liveVersion"], ready["description"]) == ("1", "the old one")


def test_an_endpoint_is_deleted_and_its_name_is_free(aws: Clients) -> None:
    """DELETING, then unknown to the control plane and to callers; the version can be deleted afterwards."""
    runtime_id = two_versions(aws)
    made = new_endpoint(aws, runtime_id, agentRuntimeVersion="1")
    arrived(aws, runtime_id)
    delete = aws.control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName=PROD)
    assert (delete["ResponseMetadata"]["HTTPStatusCode"], delete["status"]) == (202, "DELETING")

    def gone() -> bool:
        listed = aws.control.list_agent_runtime_endpoints(agentRuntimeId=runtime_id)["runtimeEndpoints"]
        return [each["name"] for each in listed] == ["DEFAULT"]

    eventually(gone)
    assert refusal(lambda: endpoint(aws, runtime_id))[:2] == ("ResourceNotFoundException", 404)
    call = refusal(lambda: invoke(aws, made["agentRuntimeArn"], qualifier=PROD))
    assert call[:2] == ("ResourceNotFoundException", 404)
    aws.control.delete_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    new_endpoint(aws, runtime_id)


def test_endpoints_are_listed_page_by_page(aws: Clients) -> None:
    """ListAgentRuntimeEndpoints pages through every endpoint once."""
    runtime_id = two_versions(aws)
    for name in ("blue", "green", "red"):
        new_endpoint(aws, runtime_id, name)
    pages = aws.control.get_paginator("list_agent_runtime_endpoints").paginate(
        agentRuntimeId=runtime_id, PaginationConfig={"PageSize": 2}
    )
    names = [[each["name"] for each in page["runtimeEndpoints"]] for page in pages]
    assert names == [["DEFAULT", "blue"], ["green", "red"]]


def test_default_can_be_neither_moved_nor_deleted(aws: Clients) -> None:
    """DEFAULT belongs to the runtime: both are ConflictException."""
    runtime_id = two_versions(aws)
    delete = aws.control.delete_agent_runtime_endpoint
    for call in (
        lambda: move(aws, runtime_id, "1", "DEFAULT"),
        lambda: delete(agentRuntimeId=runtime_id, endpointName="DEFAULT"),
        lambda: new_endpoint(aws, runtime_id, "DEFAULT"),
    ):
        assert refusal(call)[:2] == ("ConflictException", 409)
    assert endpoint(aws, runtime_id, "DEFAULT")["liveVersion"] == "2"


def test_a_name_is_taken_once_per_runtime(aws: Clients) -> None:
    """A second endpoint of a name is a ConflictException; another runtime may use the name."""
    first, second = two_versions(aws), create(aws, "another")["agentRuntimeId"]
    settled(aws, second)
    new_endpoint(aws, first)
    assert refusal(lambda: new_endpoint(aws, first))[:2] == ("ConflictException", 409)
    new_endpoint(aws, second)


def test_what_is_unknown_is_not_found(aws: Clients) -> None:
    """Unknown runtime, endpoint or version: ResourceNotFoundException, and nothing changes."""
    runtime_id = two_versions(aws)
    new_endpoint(aws, runtime_id)
    arrived(aws, runtime_id)
    delete = aws.control.delete_agent_runtime_endpoint
    for call in (
        lambda: new_endpoint(aws, "nobody-0123456789"),
        lambda: new_endpoint(aws, runtime_id, "other", agentRuntimeVersion="9"),
        lambda: move(aws, runtime_id, "9"),
        lambda: move(aws, runtime_id, "1", "nowhere"),
        lambda: delete(agentRuntimeId=runtime_id, endpointName="nowhere"),
    ):
        assert refusal(call)[:2] == ("ResourceNotFoundException", 404)
    assert endpoint(aws, runtime_id)["status"] == "READY"


def test_an_endpoint_in_motion_is_left_alone_and_goes_on_serving(aws: Clients, stuck: str) -> None:
    """While an endpoint waits for a version under proof a second change conflicts and the old version answers."""
    runtime_id = two_versions(aws)
    arn = new_endpoint(aws, runtime_id)["agentRuntimeArn"]
    arrived(aws, runtime_id)
    update(aws, runtime_id, stuck)
    assert move(aws, runtime_id, "3")["status"] == "UPDATING"
    delete = aws.control.delete_agent_runtime_endpoint
    assert refusal(lambda: move(aws, runtime_id, "1"))[:2] == ("ConflictException", 409)
    assert refusal(lambda: delete(agentRuntimeId=runtime_id, endpointName=PROD))[0] == "ConflictException"
    waiting = endpoint(aws, runtime_id)
    assert (waiting["liveVersion"], waiting["targetVersion"]) == ("2", "3")
    for qualifier in (PROD, "DEFAULT"):
        answer = invoke(aws, arn, qualifier=qualifier, runtimeSessionId=str(uuid.uuid4()))
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-agentcore-lab-version"] == "2"


def test_an_endpoint_can_be_moved_back_while_a_bad_update_is_under_proof(aws: Clients, stuck: str) -> None:
    """A roll-back does not wait for the version it rolls back from."""
    runtime_id = two_versions(aws)
    new_endpoint(aws, runtime_id)
    arrived(aws, runtime_id)
    update(aws, runtime_id, stuck)
    move(aws, runtime_id, "1")
    assert arrived(aws, runtime_id)["liveVersion"] == "1"
    assert aws.control.get_agent_runtime(agentRuntimeId=runtime_id)["status"] == "UPDATING"


def test_a_runtime_being_created_takes_no_endpoint_yet(aws: Clients, stuck: str) -> None:
    """Until the runtime has settled its endpoints cannot change: ConflictException."""
    runtime_id = create(aws, uri=stuck)["agentRuntimeId"]
    assert refusal(lambda: new_endpoint(aws, runtime_id))[:2] == ("ConflictException", 409)


@pytest.fixture
def halted(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> str:
    """The id of a runtime whose endpoint was moving to version 3 when its engine ended."""
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        runtime_id = two_versions(aws)
        new_endpoint(aws, runtime_id)
        arrived(aws, runtime_id)
        backend.add(HELLO, Script(unhealthy_pings=1_000_000))
        update(aws, runtime_id)
        move(aws, runtime_id, "3")
    assert backend.running == {}
    return runtime_id


def test_a_move_goes_on_after_a_restart(
    halted: str, settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """What an engine that ended left UPDATING, the next one brings to READY by a proof of its own."""
    digest = backend.images[HELLO][0].digest
    backend.images[digest] = (backend.images[digest][0], Script())
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        assert settled(aws, halted)["status"] == "READY"
        assert arrived(aws, halted)["liveVersion"] == "3"
        assert endpoint(aws, halted, "DEFAULT")["liveVersion"] == "3"


def test_moves_under_constant_load_fail_no_request(aws: Clients, backend: ScriptedBackend) -> None:
    """An endpoint goes back and forth: every call is answered, old sessions keep their version, new get the new."""
    runtime_id = two_versions(aws)
    arn = new_endpoint(aws, runtime_id)["agentRuntimeArn"]
    arrived(aws, runtime_id)
    stop = threading.Event()
    failures: list[BaseException] = []
    answered: list[tuple[str, str]] = []

    def version_of(session_id: str) -> str:
        answer = invoke(aws, arn, qualifier=PROD, runtimeSessionId=session_id)
        version: str = answer["ResponseMetadata"]["HTTPHeaders"]["x-agentcore-lab-version"]
        return version

    def load(lasting: str) -> None:
        first = version_of(lasting)
        while not stop.is_set():
            try:
                assert version_of(lasting) == first
                answered.append((lasting, first))
                version_of(str(uuid.uuid4()))
            except BaseException as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=load, args=(str(uuid.uuid4()),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        for version in ("1", "2"):
            so_far = len(answered)
            move(aws, runtime_id, version)
            arrived(aws, runtime_id)
            assert version_of(str(uuid.uuid4())) == version
            eventually(lambda so_far=so_far: len(answered) > so_far or bool(failures))  # type: ignore[misc]
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {spec.labels["agentcore-lab.version"] for spec in backend.started} == {"1", "2"}
