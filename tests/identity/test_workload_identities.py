"""Workload identities as boto3 sees them: those of callers, and the one that comes and goes with a runtime."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import create, refusal, settled, update

CALLBACK = "https://example.com/callback"
DIRECTORY = "arn:aws:bedrock-agentcore:us-west-2:123456789012:workload-identity-directory/default"


def make(aws: Clients, name: str = "my-agent", **more: Any) -> dict[str, Any]:
    """CreateWorkloadIdentity."""
    made: dict[str, Any] = aws.control.create_workload_identity(name=name, **more)
    return made


def names(aws: Clients) -> list[str]:
    """The names of all identities, page by page."""
    pages = aws.control.get_paginator("list_workload_identities").paginate()
    return [item["name"] for page in pages for item in page["workloadIdentities"]]


def test_an_identity_is_made_and_found(aws: Clients, clock: FakeClock) -> None:
    """201 with its ARN and return URLs; Get adds the times, which are the engine's."""
    made = make(aws, "My.agent_1-x", allowedResourceOauth2ReturnUrls=[CALLBACK])
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["workloadIdentityArn"] == f"{DIRECTORY}/workload-identity/My.agent_1-x"
    found = aws.control.get_workload_identity(name="My.agent_1-x")
    for member in ("name", "workloadIdentityArn", "allowedResourceOauth2ReturnUrls"):
        assert found[member] == made[member]
    assert found["allowedResourceOauth2ReturnUrls"] == [CALLBACK]
    assert found["createdTime"] == found["lastUpdatedTime"] == clock.now()


def test_an_update_replaces_the_return_urls(aws: Clients, clock: FakeClock) -> None:
    """A list, also an empty one, takes the place of the other; none leaves it; the creation's time stays."""
    made_at = clock.now()
    make(aws, allowedResourceOauth2ReturnUrls=[CALLBACK])
    clock.advance(timedelta(hours=1))
    change = aws.control.update_workload_identity
    changed = change(name="my-agent", allowedResourceOauth2ReturnUrls=[f"{CALLBACK}/2", "myapp://back"])
    assert changed["allowedResourceOauth2ReturnUrls"] == [f"{CALLBACK}/2", "myapp://back"]
    assert (changed["createdTime"], changed["lastUpdatedTime"]) == (made_at, clock.now())
    kept = change(name="my-agent")["allowedResourceOauth2ReturnUrls"]
    assert kept == changed["allowedResourceOauth2ReturnUrls"]
    assert (
        change(name="my-agent", allowedResourceOauth2ReturnUrls=[])["allowedResourceOauth2ReturnUrls"] == []
    )
    assert aws.control.get_workload_identity(name="my-agent")["allowedResourceOauth2ReturnUrls"] == []


def test_identities_are_listed_page_by_page(aws: Clients) -> None:
    """By name, twenty on a page unless fewer are asked for; more cannot be."""
    wanted = [f"agent-{number:02}" for number in range(25)]
    for name in reversed(wanted):
        make(aws, name)
    first = aws.control.list_workload_identities()
    assert len(first["workloadIdentities"]) == 20
    assert set(first["workloadIdentities"][0]) == {"name", "workloadIdentityArn"}
    rest = aws.control.list_workload_identities(nextToken=first["nextToken"])
    assert "nextToken" not in rest
    assert [item["name"] for page in (first, rest) for item in page["workloadIdentities"]] == wanted
    assert names(aws) == wanted
    assert len(aws.control.list_workload_identities(maxResults=25 - 18)["workloadIdentities"]) == 7
    listing = aws.control.list_workload_identities
    assert refusal(lambda: listing(maxResults=21))[0] == "ValidationException"
    assert refusal(lambda: listing(nextToken="?"))[0] == "ValidationException"


def test_a_deleted_identity_is_gone(aws: Clients) -> None:
    """204, then unknown, and the name is free."""
    make(aws)
    deleted = aws.control.delete_workload_identity(name="my-agent")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in ("get", "update", "delete"):
        operation = getattr(aws.control, f"{call}_workload_identity")
        refused = refusal(lambda operation=operation: operation(name="my-agent"))  # type: ignore[misc]
        assert refused[:2] == ("ResourceNotFoundException", 404)
    make(aws)


def test_a_name_is_used_once(aws: Clients) -> None:
    """The service's own answer is a ValidationException; the identity there is stays as it was."""
    make(aws, allowedResourceOauth2ReturnUrls=[CALLBACK])
    code, status, message, response = refusal(lambda: make(aws))
    assert (code, status) == ("ValidationException", 400)
    assert message == "WorkloadIdentity with name 'my-agent' already exists."
    assert response["reason"] == "ResourceConflict"
    assert aws.control.get_workload_identity(name="my-agent")["allowedResourceOauth2ReturnUrls"] == [CALLBACK]


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "my agent"},
        {"name": "a" * 256},
        {"allowedResourceOauth2ReturnUrls": ["no url"]},
        {"allowedResourceOauth2ReturnUrls": [f"https://{'a' * 2048}"]},
        {"tags": {"aws:mine": "x"}},
    ],
)
def test_what_cannot_be_is_refused(aws: Clients, bad: dict[str, Any]) -> None:
    """Names and return URLs have AWS's form, tags are not AWS's own."""
    assert refusal(lambda: make(aws, **{"name": "my-agent", **bad}))[0] == "ValidationException"
    assert names(aws) == []


def test_a_runtime_has_an_identity_of_its_name(aws: Clients) -> None:
    """It is there with the runtime, an update of the runtime leaves it, and it goes with the runtime."""
    made = create(aws)
    runtime_id = made["agentRuntimeId"]
    settled(aws, runtime_id)
    found = aws.control.get_workload_identity(name=runtime_id)
    assert found["workloadIdentityArn"] == made["workloadIdentityDetails"]["workloadIdentityArn"]
    assert found["allowedResourceOauth2ReturnUrls"] == []
    make(aws, "zz-mine")
    assert names(aws) == [runtime_id, "zz-mine"]
    aws.control.update_workload_identity(name=runtime_id, allowedResourceOauth2ReturnUrls=[CALLBACK])
    update(aws, runtime_id)
    settled(aws, runtime_id)
    assert aws.control.get_workload_identity(name=runtime_id)["allowedResourceOauth2ReturnUrls"] == [CALLBACK]
    aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
    eventually(lambda: names(aws) == ["zz-mine"])


def test_a_runtimes_identity_cannot_be_deleted_or_made_again(aws: Clients) -> None:
    """In AWS's words: it is linked to a service."""
    runtime_id = create(aws)["agentRuntimeId"]
    code, status, message, _ = refusal(lambda: aws.control.delete_workload_identity(name=runtime_id))
    assert (code, status) == ("ValidationException", 400)
    assert message == "WorkloadIdentity is linked to a service and cannot be deleted by the caller."
    assert refusal(lambda: make(aws, runtime_id))[2].endswith("already exists.")
    assert names(aws) == [runtime_id]


def test_identities_carry_tags(aws: Clients) -> None:
    """Given at creation, set and removed by ARN, at most fifty; an unknown identity is not found."""
    control = aws.control
    arn = make(aws, tags={"team": "blue"})["workloadIdentityArn"]
    control.tag_resource(resourceArn=arn, tags={"team": "red", "cost": "1"})
    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "red", "cost": "1"}
    control.untag_resource(resourceArn=arn, tagKeys=["cost", "unknown"])
    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "red"}
    many = {f"key{number}": "x" for number in range(50)}
    refused = refusal(lambda: control.tag_resource(resourceArn=arn, tags=many))
    assert refused[:2] == ("ServiceQuotaExceededException", 402)
    assert (
        refusal(lambda: control.tag_resource(resourceArn=arn, tags={"AWS:a": "x"}))[0]
        == "ValidationException"
    )
    for unknown in (arn.replace("my-agent", "other"), arn.replace("us-west-2", "eu-west-1")):
        calls: list[Any] = [
            lambda arn=unknown: control.list_tags_for_resource(resourceArn=arn),
            lambda arn=unknown: control.tag_resource(resourceArn=arn, tags={"a": "b"}),
            lambda arn=unknown: control.untag_resource(resourceArn=arn, tagKeys=["a"]),
        ]
        for call in calls:
            assert refusal(call)[:2] == ("ResourceNotFoundException", 404)


def test_identities_outlive_the_engine(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """They are in the store."""
    with engine_in_thread(settings, backend, clock) as running:
        make(clients_of(running.url), allowedResourceOauth2ReturnUrls=[CALLBACK])
    with engine_in_thread(settings, backend, clock) as running:
        found = clients_of(running.url).control.get_workload_identity(name="my-agent")
    assert found["allowedResourceOauth2ReturnUrls"] == [CALLBACK]


def test_the_quota_of_identities(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> None:
    """One more than the quota is refused with 402."""
    with engine_in_thread(replace(settings, quotas={"workload_identities": 2}), backend, clock) as running:
        aws = clients_of(running.url)
        make(aws, "one")
        make(aws, "two")
        assert refusal(lambda: make(aws, "three"))[:2] == ("ServiceQuotaExceededException", 402)
        aws.control.delete_workload_identity(name="one")
        make(aws, "three")
