"""clientToken: a request sent twice is done once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.runtime.test_endpoints import arrived, endpoint, new_endpoint
from tests.runtime.test_invocations import scripted


def token() -> str:
    """A client token as boto3 makes them."""
    return str(uuid.uuid4())


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's modelled members."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_the_same_create_is_done_once_and_answered_the_same(aws: Clients) -> None:
    """Not even the name conflicts: the second answer is the first one, status and times included."""
    once = token()
    first = create(aws, clientToken=once)
    settled(aws, first["agentRuntimeId"])
    second = create(aws, clientToken=once)
    assert without_metadata(second) == without_metadata(first)
    assert second["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert len(aws.control.list_agent_runtimes()["agentRuntimes"]) == 1


def test_a_token_with_another_input_is_refused(aws: Clients) -> None:
    """AWS: ValidationException whose reason is IdempotentParameterMismatchException; nothing is done."""
    once = token()
    runtime_id = create(aws, clientToken=once)["agentRuntimeId"]
    settled(aws, runtime_id)
    update(aws, runtime_id, clientToken=once, description="a token is known to one operation alone")
    settled(aws, runtime_id)
    for call in (
        lambda: create(aws, clientToken=once, description="another"),
        lambda: create(aws, "another", clientToken=once),
        lambda: update(aws, runtime_id, clientToken=once, description="another"),
    ):
        code, status, _, response = refusal(call)
        assert (code, status) == ("ValidationException", 400)
        assert response["reason"] == "IdempotentParameterMismatchException"
    assert settled(aws, runtime_id)["agentRuntimeVersion"] == "2"


def test_the_same_update_makes_one_version(aws: Clients) -> None:
    """Even while the first is under way, where another update would conflict."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    once = token()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: update(aws, runtime_id, clientToken=once), range(8)))
    assert {answer["agentRuntimeVersion"] for answer in answers} == {"2"}
    assert {answer["lastUpdatedAt"] for answer in answers} == {answers[0]["lastUpdatedAt"]}
    settled(aws, runtime_id)
    assert len(aws.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]) == 2


def test_endpoints_and_deletions_are_done_once_too(aws: Clients) -> None:
    """Create, update and delete of an endpoint, and delete of a runtime that is gone by then."""
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    update(aws, runtime_id)
    settled(aws, runtime_id)
    control, names = aws.control, {"agentRuntimeId": runtime_id, "endpointName": "prod"}
    made = token()
    first = new_endpoint(aws, runtime_id, clientToken=made)
    arrived(aws, runtime_id)
    assert without_metadata(new_endpoint(aws, runtime_id, clientToken=made)) == without_metadata(first)
    moved, changes = token(), {**names, "agentRuntimeVersion": "1"}
    answer = control.update_agent_runtime_endpoint(**changes, clientToken=moved)
    arrived(aws, runtime_id)
    again = control.update_agent_runtime_endpoint(**changes, clientToken=moved)
    assert (again["liveVersion"], again["status"]) == (answer["liveVersion"], "UPDATING")
    assert endpoint(aws, runtime_id)["status"] == "READY"
    for call, wanted in (
        (control.delete_agent_runtime_endpoint, names),
        (control.delete_agent_runtime, {"agentRuntimeId": runtime_id}),
    ):
        deleted = token()
        gone = without_metadata(call(**wanted, clientToken=deleted))
        assert without_metadata(call(**wanted, clientToken=deleted)) == gone


def test_a_refusal_is_not_remembered(aws: Clients, backend: ScriptedBackend) -> None:
    """A request that was refused may be sent again, with its token, once its cause is mended."""
    once = token()
    uri = "123456789012.dkr.ecr.us-west-2.amazonaws.com/late:latest"
    assert refusal(lambda: create(aws, uri=uri, clientToken=once))[0] == "ValidationException"
    scripted(backend, Script(), "late")
    assert create(aws, uri=uri, clientToken=once)["status"] == "CREATING"


def test_tokens_outlive_the_engine_for_a_day(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """The next engine knows them; after 24 hours a token is new again."""
    once = token()
    with engine_in_thread(settings, backend, clock) as running:
        first = create(clients_of(running.url), clientToken=once)
    clock.advance(timedelta(hours=23, minutes=59))
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        assert without_metadata(create(aws, clientToken=once)) == without_metadata(first)
        clock.advance(timedelta(minutes=1))
        assert refusal(lambda: create(aws, clientToken=once))[0] == "ConflictException"
