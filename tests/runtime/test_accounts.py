"""Two accounts on one engine: a runtime of the one is not there for the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from tests.conftest import HELLO, Clients
from tests.identity.test_accounts import theirs
from tests.identity.test_workload_identities import make
from tests.runtime.test_control_plane import ROLE, create, refusal, settled, update
from tests.runtime.test_endpoints import new_endpoint
from tests.runtime.test_invocations import invoke, ready

__all__ = ["theirs"]  # the fixture

Asking = Callable[[Clients, str], Any]

CONTROL: Mapping[str, Asking] = {
    "GetAgentRuntime": lambda aws, arn: aws.control.get_agent_runtime(agentRuntimeId=_id(arn)),
    "a version": lambda aws, arn: aws.control.get_agent_runtime(
        agentRuntimeId=_id(arn), agentRuntimeVersion="1"
    ),
    "UpdateAgentRuntime": lambda aws, arn: update(aws, _id(arn)),
    "DeleteAgentRuntime": lambda aws, arn: aws.control.delete_agent_runtime(agentRuntimeId=_id(arn)),
    "DeleteAgentRuntimeVersion": lambda aws, arn: aws.control.delete_agent_runtime(
        agentRuntimeId=_id(arn), agentRuntimeVersion="1"
    ),
    "ListAgentRuntimeVersions": lambda aws, arn: aws.control.list_agent_runtime_versions(
        agentRuntimeId=_id(arn)
    ),
    "ListAgentRuntimeEndpoints": lambda aws, arn: aws.control.list_agent_runtime_endpoints(
        agentRuntimeId=_id(arn)
    ),
    "GetAgentRuntimeEndpoint": lambda aws, arn: aws.control.get_agent_runtime_endpoint(
        agentRuntimeId=_id(arn), endpointName="prod"
    ),
    "CreateAgentRuntimeEndpoint": lambda aws, arn: aws.control.create_agent_runtime_endpoint(
        agentRuntimeId=_id(arn), name="mine"
    ),
    "UpdateAgentRuntimeEndpoint": lambda aws, arn: aws.control.update_agent_runtime_endpoint(
        agentRuntimeId=_id(arn), endpointName="prod", description="mine"
    ),
    "DeleteAgentRuntimeEndpoint": lambda aws, arn: aws.control.delete_agent_runtime_endpoint(
        agentRuntimeId=_id(arn), endpointName="prod"
    ),
    "ListTagsForResource": lambda aws, arn: aws.control.list_tags_for_resource(resourceArn=arn),
    "TagResource": lambda aws, arn: aws.control.tag_resource(resourceArn=arn, tags={"mine": "yes"}),
    "UntagResource": lambda aws, arn: aws.control.untag_resource(resourceArn=arn, tagKeys=["team"]),
    "GetResourcePolicy": lambda aws, arn: aws.control.get_resource_policy(resourceArn=arn),
    "PutResourcePolicy": lambda aws, arn: aws.control.put_resource_policy(
        resourceArn=arn, policy='{"Version": "2012-10-17", "Statement": []}'
    ),
    "DeleteResourcePolicy": lambda aws, arn: aws.control.delete_resource_policy(resourceArn=arn),
}


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def test_nothing_of_a_runtime_is_there_for_another_account(aws: Clients, theirs: Clients) -> None:
    """Neither to be read nor to be changed, by its id or with the owner's ARN in the caller's own account."""
    arn = ready(aws, tags={"team": "blue"})
    new_endpoint(aws, _id(arn), "prod")
    assert theirs.control.list_agent_runtimes()["agentRuntimes"] == []
    before = aws.control.get_agent_runtime(agentRuntimeId=_id(arn))
    answers = {name: refusal(partial(ask, theirs, arn))[:2] for name, ask in CONTROL.items()}
    assert answers == dict.fromkeys(CONTROL, ("ResourceNotFoundException", 404))
    after = aws.control.get_agent_runtime(agentRuntimeId=_id(arn))
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert aws.control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "blue"}


@pytest.mark.parametrize("by", ["its ARN", "its id in their account", "its id in ours", "their own ARN"])
def test_nobody_else_calls_a_runtime(aws: Clients, theirs: Clients, by: str) -> None:
    """Without a policy of its owner's that lets the other account in."""
    arn = ready(aws)
    account_id = make(theirs)["workloadIdentityArn"].split(":")[4]
    named: dict[str, Any] = {
        "its ARN": {"agentRuntimeArn": arn},
        "its id in their account": {"agentRuntimeArn": _id(arn), "accountId": account_id},
        "its id in ours": {"agentRuntimeArn": _id(arn), "accountId": arn.split(":")[4]},
        "their own ARN": {"agentRuntimeArn": arn.replace(arn.split(":")[4], account_id)},
    }[by]
    session_id = str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    stop = theirs.data.stop_runtime_session
    for call in (
        lambda: theirs.data.invoke_agent_runtime(payload=b"{}", **named),
        lambda: stop(agentRuntimeArn=named["agentRuntimeArn"], runtimeSessionId=session_id),
    ):
        assert refusal(call)[0] in {
            "ResourceNotFoundException",
            "AccessDeniedException",
            "ValidationException",
        }
    assert invoke(aws, arn, runtimeSessionId=session_id)["body"] == b"{}"


def test_names_tokens_and_lists_are_each_accounts_own(aws: Clients, theirs: Clients) -> None:
    """The same name and the same clientToken make another runtime for another account."""
    token = str(uuid.uuid4())
    account_id = make(theirs)["workloadIdentityArn"].split(":")[4]
    ours = create(aws, clientToken=token)["agentRuntimeId"]
    other = theirs.control.create_agent_runtime(
        agentRuntimeName="hello_agent",
        agentRuntimeArtifact={"containerConfiguration": {"containerUri": HELLO}},
        roleArn=ROLE.replace("123456789012", account_id),
        networkConfiguration={"networkMode": "PUBLIC"},
        clientToken=token,
    )["agentRuntimeId"]
    assert ours != other
    for clients, runtime_id in ((aws, ours), (theirs, other)):
        settled(clients, runtime_id)
        listed = clients.control.list_agent_runtimes()["agentRuntimes"]
        assert [runtime["agentRuntimeId"] for runtime in listed] == [runtime_id]


def test_a_client_token_is_one_accounts(aws: Clients, theirs: Clients) -> None:
    """The very same request of another account is another request: it is not told what the first was answered."""
    token = str(uuid.uuid4())
    arn = ready(aws)
    delete = {"agentRuntimeId": _id(arn), "clientToken": token}
    aws.control.delete_agent_runtime(**delete)
    assert refusal(lambda: theirs.control.delete_agent_runtime(**delete))[0] == "ResourceNotFoundException"
