"""Tags and resource policies of runtimes and endpoints, and the workload identity of a runtime."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from agentcore_lab.settings import Settings
from tests.conftest import Clients
from tests.patience import eventually
from tests.runtime.test_control_plane import create, refusal, settled
from tests.runtime.test_endpoints import arrived, new_endpoint

NOBODY = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/nobody-0123456789"


def policy_on(arn: str, **more: Any) -> str:
    """A policy that lets the account invoke what it is attached to."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "bedrock-agentcore:InvokeAgentRuntime",
        "Resource": arn,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(params=["runtime", "endpoint"])
def arn(aws: Clients, request: pytest.FixtureRequest) -> str:
    """The ARN of a READY runtime, then of an endpoint of one, made with the tag team=blue."""
    runtime_id = create(aws, tags={"team": "blue"} if request.param == "runtime" else {})["agentRuntimeId"]
    runtime: str = settled(aws, runtime_id)["agentRuntimeArn"]
    if request.param == "runtime":
        return runtime
    made: str = new_endpoint(aws, runtime_id, tags={"team": "blue"})["agentRuntimeEndpointArn"]
    arrived(aws, runtime_id)
    return made


def tags(aws: Clients, arn: str) -> dict[str, str]:
    """ListTagsForResource."""
    listed: dict[str, str] = aws.control.list_tags_for_resource(resourceArn=arn)["tags"]
    return listed


def test_tags_are_set_listed_and_removed(aws: Clients, arn: str) -> None:
    """Those given at creation are there; a tag replaces one of its key; removing an unknown key is no error."""
    assert tags(aws, arn) == {"team": "blue"}
    tagged = aws.control.tag_resource(resourceArn=arn, tags={"team": "red", "cost centre": ""})
    assert tagged["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags(aws, arn) == {"team": "red", "cost centre": ""}
    untagged = aws.control.untag_resource(resourceArn=arn, tagKeys=["team", "unknown"])
    assert untagged["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags(aws, arn) == {"cost centre": ""}


def test_a_resource_has_at_most_fifty_tags(aws: Clients, arn: str) -> None:
    """AWS: 50 tags a resource; one more is ServiceQuotaExceededException and none of the call is set."""
    tag = aws.control.tag_resource
    tag(resourceArn=arn, tags={f"key{n}": "x" for n in range(49)})
    refused = refusal(lambda: tag(resourceArn=arn, tags={"team": "red", "more": "x"}))
    assert refused[:2] == ("ServiceQuotaExceededException", 402)
    assert tags(aws, arn)["team"] == "blue"
    assert len(tags(aws, arn)) == 50


def test_keys_of_aws_own_are_refused(aws: Clients, arn: str) -> None:
    """The prefix ``aws:`` is reserved, here and at creation."""
    tag = aws.control.tag_resource
    assert refusal(lambda: tag(resourceArn=arn, tags={"aws:team": "x"}))[0] == "ValidationException"
    assert refusal(lambda: create(aws, "other", tags={"AWS:team": "x"}))[0] == "ValidationException"
    assert [item["agentRuntimeName"] for item in aws.control.list_agent_runtimes()["agentRuntimes"]] == [
        "hello_agent"
    ]


def test_a_resource_policy_is_kept_as_it_was_given(aws: Clients, arn: str) -> None:
    """201 with the policy, then the same text; after its deletion Get answers without one, Delete finds none."""
    control, text = aws.control, json.dumps(json.loads(policy_on(arn)), indent=1)
    put = control.put_resource_policy(resourceArn=arn, policy=text)
    assert (put["ResponseMetadata"]["HTTPStatusCode"], put["policy"]) == (201, text)
    assert control.get_resource_policy(resourceArn=arn)["policy"] == text
    control.put_resource_policy(resourceArn=arn, policy=policy_on(arn))
    assert control.get_resource_policy(resourceArn=arn)["policy"] == policy_on(arn)
    deleted = control.delete_resource_policy(resourceArn=arn)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    none = control.get_resource_policy(resourceArn=arn)
    assert (none["ResponseMetadata"]["HTTPStatusCode"], "policy" in none) == (200, False)
    delete = control.delete_resource_policy
    assert refusal(lambda: delete(resourceArn=arn))[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"Version": "2012-10-17"}', "Statement is missing"),
        (json.dumps({"Statement": ["x"]}), "Version must be 2012-10-17 or 2008-10-17"),
        (json.dumps({"Statement": ["x"]}), "statement 1: not a JSON object"),
        (json.dumps({"Statement": {"Effect": "Perhaps"}}), "Effect must be Allow or Deny"),
        (json.dumps({"Statement": [{"Effect": "Deny"}]}), "exactly one of Principal and NotPrincipal"),
        (policy_on("*"), '"*" is not supported'),
        (policy_on(NOBODY), "statement 1: Resource must be the ARN the policy is attached to"),
        (policy_on("ARN", Resource=["ARN", NOBODY]), "Resource must be the ARN the policy is attached to"),
        (policy_on("ARN", Action="bedrock-agentcore:GetAgentRuntime"), "GetAgentRuntime is not supported"),
        (policy_on("ARN", Action="s3:*"), "Action s3:* is not supported"),
        (policy_on("ARN", Principal={"AWS": "arn:aws:iam::*:root"}), "is not valid"),
        (policy_on("ARN", Condition={"StringIs": {"aws:username": "x"}}), "operator StringIs is unknown"),
    ],
)
def test_a_policy_that_is_none_is_refused(aws: Clients, policy: str, fault: str) -> None:
    """ValidationException that names the fault, on the field ``policy``."""
    arn = settled(aws, create(aws)["agentRuntimeId"])["agentRuntimeArn"]
    put, text = aws.control.put_resource_policy, policy.replace('"ARN"', f'"{arn}"')
    code, _, message, response = refusal(lambda: put(resourceArn=arn, policy=text))
    assert code == "ValidationException"
    assert fault in message
    assert response["fieldList"][0]["name"] == "policy"


@pytest.mark.parametrize(
    "arn",
    [
        NOBODY,
        f"{NOBODY}/runtime-endpoint/prod",
        NOBODY.replace("us-west-2", "eu-west-1"),
        NOBODY.replace("runtime/", "gateway/"),
    ],
)
def test_an_unknown_resource_is_not_found(aws: Clients, arn: str) -> None:
    """All six operations answer ResourceNotFoundException."""
    control = aws.control
    calls: list[Any] = [
        lambda: control.list_tags_for_resource(resourceArn=arn),
        lambda: control.tag_resource(resourceArn=arn, tags={"a": "b"}),
        lambda: control.untag_resource(resourceArn=arn, tagKeys=["a"]),
        lambda: control.get_resource_policy(resourceArn=arn),
        lambda: control.put_resource_policy(resourceArn=arn, policy=policy_on(arn)),
        lambda: control.delete_resource_policy(resourceArn=arn),
    ]
    for call in calls:
        assert refusal(call)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("mine", "theirs"), [(":123456789012:", ":210987654321:"), (":us-west-2:", ":eu-west-1:")]
)
def test_an_arn_of_elsewhere_names_nothing_here(aws: Clients, mine: str, theirs: str) -> None:
    """Though a runtime here has the id that it ends with."""
    elsewhere = settled(aws, create(aws)["agentRuntimeId"])["agentRuntimeArn"].replace(mine, theirs)
    calls: list[Any] = [
        lambda: aws.control.tag_resource(resourceArn=elsewhere, tags={"a": "b"}),
        lambda: aws.control.list_tags_for_resource(resourceArn=elsewhere),
    ]
    for call in calls:
        assert refusal(call)[:2] == ("ResourceNotFoundException", 404)


def test_a_policy_of_what_is_no_arn_is_refused(aws: Clients) -> None:
    """The model has no pattern for it: the engine says so itself."""
    get = aws.control.get_resource_policy
    assert refusal(lambda: get(resourceArn="hello_agent-0123456789"))[0] == "ValidationException"


def rows(settings: Settings, table: str) -> list[Any]:
    """A table of the store, read beside the engine."""
    with sqlite3.connect(f"file:{settings.data_dir / 'engine.db'}?mode=ro", uri=True) as connection:
        found = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return found


def test_what_hangs_on_a_resource_goes_with_it(aws: Clients, settings: Settings) -> None:
    """Deleting an endpoint, then the runtime, leaves no tag, no policy and no workload identity."""
    made = create(aws, tags={"a": "1"})
    runtime_id = made["agentRuntimeId"]
    settled(aws, runtime_id)
    identity = made["workloadIdentityDetails"]["workloadIdentityArn"]
    assert identity.endswith(f":workload-identity-directory/default/workload-identity/{runtime_id}")
    assert [row[2] for row in rows(settings, "workload_identity")] == [runtime_id]
    arn = new_endpoint(aws, runtime_id, tags={"b": "2"})["agentRuntimeEndpointArn"]
    arrived(aws, runtime_id)
    for each in (arn, made["agentRuntimeArn"]):
        aws.control.put_resource_policy(resourceArn=each, policy=policy_on(each))
    aws.control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="prod")
    eventually(lambda: [row[1] for row in rows(settings, "tag")] == [""])
    assert [row[1] for row in rows(settings, "resource_policy")] == [""]
    aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
    eventually(lambda: rows(settings, "runtime") == [])
    for table in ("tag", "resource_policy", "workload_identity"):
        assert rows(settings, table) == []
