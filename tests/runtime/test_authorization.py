"""Resource policies in force, as boto3 sees them."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock, ScriptedBackend
from tests.conftest import Clients
from tests.identity.issuer import running_issuer
from tests.runtime.calls import invocations, send
from tests.runtime.test_control_plane import create, refusal, settled
from tests.runtime.test_endpoints import PROD, arrived, new_endpoint
from tests.runtime.test_invocations import invoke
from tests.signing import signed

USER = "arn:aws:iam::123456789012:user/agentcore-lab"
INVOKE = "bedrock-agentcore:InvokeAgentRuntime"


@pytest.fixture
def runtime(aws: Clients) -> str:
    """The ARN of a READY runtime."""
    arn: str = settled(aws, create(aws)["agentRuntimeId"])["agentRuntimeArn"]
    return arn


def deny(aws: Clients, arn: str, action: str | list[str] = INVOKE, **more: Any) -> None:
    """PutResourcePolicy: a Deny for everyone, unless ``more`` says otherwise."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": arn, **more}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.control.put_resource_policy(resourceArn=arn, policy=text)


def words(arn: str, action: str = INVOKE) -> str:
    """AWS's message for an explicit Deny."""
    return (
        f"User: {USER} is not authorized to perform: {action} on resource: {arn}"
        " with an explicit deny in a resource-based policy"
    )


def refused(aws: Clients, arn: str, **more: Any) -> tuple[str, int, str]:
    """Code, status and message of an invocation that must be refused."""
    return refusal(lambda: invoke(aws, arn, **more))[:3]


def test_a_deny_on_the_runtime_refuses_invocations(
    aws: Clients, runtime: str, backend: ScriptedBackend
) -> None:
    """403 in AWS's words, and no sandbox starts for it; without the policy the caller is let in again."""
    deny(aws, runtime)
    assert refused(aws, runtime) == ("AccessDeniedException", 403, words(runtime))
    assert backend.started == []
    aws.control.delete_resource_policy(resourceArn=runtime)
    assert invoke(aws, runtime)["statusCode"] == 200


def test_a_runtime_named_by_its_id_is_guarded_as_well(aws: Clients, runtime: str) -> None:
    """AWS: agentRuntimeArn can be the id, with accountId."""
    deny(aws, runtime)
    bare = runtime.rpartition("/")[2]
    assert refused(aws, bare, accountId="123456789012")[2] == words(runtime)


def test_a_deny_on_an_endpoint_is_for_that_endpoint(aws: Clients, runtime: str) -> None:
    """Other qualifiers go on serving; no qualifier means DEFAULT."""
    new_endpoint(aws, runtime.rpartition("/")[2])
    arrived(aws, runtime.rpartition("/")[2])
    prod, default = (f"{runtime}/runtime-endpoint/{name}" for name in (PROD, "DEFAULT"))
    deny(aws, prod)
    assert refused(aws, runtime, qualifier=PROD)[2] == words(prod)
    assert invoke(aws, runtime)["statusCode"] == 200
    deny(aws, default)
    assert refused(aws, runtime)[2] == words(default)


@pytest.mark.parametrize(
    ("principal", "named"),
    [
        ({"AWS": USER}, True),
        ({"AWS": "123456789012"}, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/Other"}, False),
        ({"AWS": "210987654321"}, False),
    ],
)
def test_a_deny_is_for_those_it_names(
    aws: Clients, runtime: str, principal: dict[str, str], named: bool
) -> None:
    """The caller is the user agentcore-lab of the engine's account."""
    deny(aws, runtime, Principal=principal)
    if named:
        assert refused(aws, runtime)[2] == words(runtime)
    else:
        assert invoke(aws, runtime)["statusCode"] == 200


def test_a_policy_that_says_nothing_of_the_caller_lets_it_in(aws: Clients, runtime: str) -> None:
    """AWS's table: granted by the caller's own policies, silent on the resource, is allowed."""
    deny(aws, runtime, Effect="Allow", Principal={"AWS": "arn:aws:iam::210987654321:role/App"})
    assert invoke(aws, runtime)["statusCode"] == 200


def test_a_user_id_needs_a_permission_of_its_own(aws: Clients, runtime: str) -> None:
    """InvokeAgentRuntimeForUser is asked for where the user-id header is given, and only there."""
    deny(aws, runtime, f"{INVOKE}ForUser")
    assert invoke(aws, runtime)["statusCode"] == 200
    assert refused(aws, runtime, runtimeUserId="ann")[2] == words(runtime, f"{INVOKE}ForUser")
    deny(aws, runtime)
    assert refused(aws, runtime, runtimeUserId="ann")[2] == words(runtime)


def test_stopping_a_session_can_be_denied(aws: Clients, runtime: str, backend: ScriptedBackend) -> None:
    """StopRuntimeSession is refused and the session lives on."""
    session_id = str(uuid.uuid4())
    invoke(aws, runtime, runtimeSessionId=session_id)
    deny(aws, runtime, "bedrock-agentcore:StopRuntimeSession")
    code, status, message, _ = refusal(
        lambda: aws.data.stop_runtime_session(agentRuntimeArn=runtime, runtimeSessionId=session_id)
    )
    assert (code, status) == ("AccessDeniedException", 403)
    assert message == words(runtime, "bedrock-agentcore:StopRuntimeSession")
    invoke(aws, runtime, runtimeSessionId=session_id)
    assert len(backend.started) == 1


def test_an_agents_card_can_be_denied(aws: Clients, runtime: str) -> None:
    """GetAgentCard has a permission of its own."""
    deny(aws, runtime, "bedrock-agentcore:GetAgentCard")
    code, status, message, _ = refusal(lambda: aws.data.get_agent_card(agentRuntimeArn=runtime))
    assert (code, status) == ("AccessDeniedException", 403)
    assert message == words(runtime, "bedrock-agentcore:GetAgentCard")
    assert invoke(aws, runtime)["statusCode"] == 200


@pytest.mark.parametrize(
    ("protocol", "said"),
    [("MCP", '"code": -32002'), ("A2A", "with an explicit deny"), ("AGUI", "ACCESS_DENIED")],
)
def test_clients_are_refused_in_their_protocol(aws: Clients, protocol: str, said: str) -> None:
    """AWS: the protocol contracts; 403 everywhere, to A2A in AWS's plain form."""
    made = create(aws, protocolConfiguration={"serverProtocol": protocol})
    arn = settled(aws, made["agentRuntimeId"])["agentRuntimeArn"]
    deny(aws, arn)
    url = f"{aws.data.meta.endpoint_url}/runtimes/{quote(arn, safe='')}/invocations"
    call = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}).encode()
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(url, call, signed("POST", url, call)))
    with caught.value as answer:
        assert (answer.status, said in answer.read().decode()) == (403, True)


def test_the_control_plane_is_not_the_policys_business(aws: Clients, runtime: str) -> None:
    """A policy that denies all its actions can still be read and taken away (AWS: supported actions)."""
    deny(aws, runtime, "bedrock-agentcore:*")
    assert aws.control.get_agent_runtime(agentRuntimeId=runtime.rpartition("/")[2])["status"] == "READY"
    aws.control.delete_resource_policy(resourceArn=runtime)
    assert invoke(aws, runtime)["statusCode"] == 200


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]}}, False),
        (
            {"StringNotEquals": {"aws:SourceVpc": "vpc-12345678"}, "Bool": {"aws:ViaAWSService": "false"}},
            True,
        ),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}, True),
        ({"StringEquals": {"aws:username": "agentcore-lab", "aws:PrincipalType": "User"}}, True),
        ({"StringLike": {"aws:UserAgent": "*Boto3*"}}, True),
        ({"StringNotEquals": {"aws:RequestedRegion": "us-west-2"}}, False),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, True),
    ],
)
def test_conditions_see_the_request(aws: Clients, runtime: str, condition: dict[str, Any], met: bool) -> None:
    """Address, principal, client, account and region; what a request on this machine lacks is missing."""
    deny(aws, runtime, Condition=condition)
    if met:
        assert refused(aws, runtime)[2] == words(runtime)
    else:
        assert invoke(aws, runtime)["statusCode"] == 200


def test_conditions_on_time_follow_the_engines_clock(aws: Clients, runtime: str, clock: FakeClock) -> None:
    """A Deny that begins tomorrow is in force once the clock has been set ahead."""
    tomorrow = (clock.now() + timedelta(days=1)).isoformat()
    deny(aws, runtime, Condition={"DateGreaterThanEquals": {"aws:CurrentTime": tomorrow}})
    assert invoke(aws, runtime)["statusCode"] == 200
    clock.advance(timedelta(days=1))
    assert refused(aws, runtime)[2] == words(runtime)


def test_conditions_on_tags_see_each_resources_own(aws: Clients, runtime: str) -> None:
    """aws:ResourceTag is that of the runtime or of the endpoint, as it is now."""
    deny(aws, runtime, Condition={"StringEquals": {"aws:ResourceTag/Stage": "closed"}})
    assert invoke(aws, runtime)["statusCode"] == 200
    aws.control.tag_resource(resourceArn=f"{runtime}/runtime-endpoint/DEFAULT", tags={"stage": "closed"})
    assert invoke(aws, runtime)["statusCode"] == 200
    aws.control.tag_resource(resourceArn=runtime, tags={"stage": "closed"})
    assert refused(aws, runtime)[2] == words(runtime)


def test_a_runtime_of_oauth_callers_takes_everyone_as_its_principal(
    aws: Clients, engine: RunningEngine
) -> None:
    """AWS: with a JWT authorizer the principal must be the wild card."""
    with running_issuer() as issuer:
        made = create(aws, authorizerConfiguration={"customJWTAuthorizer": issuer.authorizer()})
        arn = settled(aws, made["agentRuntimeId"])["agentRuntimeArn"]
        code, _, message, _ = refusal(lambda: deny(aws, arn, Principal={"AWS": USER}))
        assert code == "ValidationException"
        assert 'Principal must be "*"' in message
        deny(aws, arn)
        bearer = {"Authorization": f"Bearer {issuer.token()}"}
        answer = send(engine.url, "POST", invocations(arn), b"{}", bearer)
    assert (answer.status, answer.json["message"]) == (403, words(arn).replace(USER, "anonymous"))


def test_what_does_not_exist_is_not_found(aws: Clients, runtime: str) -> None:
    """The gate keeps no secret of what is not there."""
    nobody = runtime.replace("hello_agent", "nobody")
    assert refused(aws, nobody)[0] == "ResourceNotFoundException"
    assert refused(aws, runtime, qualifier="nowhere")[0] == "ResourceNotFoundException"
