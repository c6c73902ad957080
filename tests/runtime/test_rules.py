"""What the service model cannot say about a configuration, and quotas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentcore_lab.runtime.quotas import Quotas, UnknownQuota, quotas_from
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.runtime.test_endpoints import new_endpoint

HEADERS = "requestHeaderConfiguration.requestHeaderAllowlist"
JWT = "authorizerConfiguration.customJWTAuthorizer"
CLAIM = f"{JWT}.customClaims.1.member.authorizingClaimMatchValue"
PROVIDER = "arn:aws:bedrock-agentcore:us-west-2:123456789012:capacity-provider/cp-0123456789"
DISCOVERY = "https://idp.example.com/.well-known/openid-configuration"


def headers(*names: str) -> dict[str, Any]:
    """A requestHeaderConfiguration."""
    return {"requestHeaderConfiguration": {"requestHeaderAllowlist": list(names)}}


def jwt(**more: Any) -> dict[str, Any]:
    """An authorizerConfiguration."""
    return {"authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": DISCOVERY, **more}}}


def claim(kind: str, operator: str, **value: Any) -> dict[str, Any]:
    """An authorizerConfiguration with one custom claim."""
    match = {"claimMatchOperator": operator, "claimMatchValue": value}
    return jwt(
        customClaims=[
            {
                "inboundTokenClaimName": "team",
                "inboundTokenClaimValueType": kind,
                "authorizingClaimMatchValue": match,
            }
        ]
    )


def ports(*given: int | tuple[int, int]) -> dict[str, Any]:
    """allowedPorts of single ports and ranges."""
    return {
        "allowedPorts": [
            {"port": each} if isinstance(each, int) else {"portRange": {"from": each[0], "to": each[1]}}
            for each in given
        ]
    }


def mounts(*paths: str) -> dict[str, Any]:
    """filesystemConfigurations of session storage."""
    return {"filesystemConfigurations": [{"sessionStorage": {"mountPath": path}} for path in paths]}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (headers("X-Team", "x-team"), HEADERS, "more than once"),
    (headers("Content-Type"), HEADERS, "'Content-Type' is restricted"),
    (headers("cookie"), HEADERS, "'cookie' is restricted"),
    (headers("X-Amz-Date"), HEADERS, "reserved for AWS"),
    (headers("X-Amzn-Trace-Id"), HEADERS, "reserved for AWS"),
    (headers("Authorization"), HEADERS, "needs a customJWTAuthorizer"),
    (
        {"protocolConfiguration": {"serverProtocol": "HTTP", "port": 8443}},
        "protocolConfiguration.port",
        "8443",
    ),
    (
        {"hooksConfiguration": {"build": {"warmup": {"action": {"httpPost": {"path": "/w", "port": 8443}}}}}},
        "hooksConfiguration.build.warmup.action.httpPost.port",
        "8443",
    ),
    (ports(8443), "allowedPorts.1.member", "8443 is reserved"),
    (ports(9000, (8400, 8500)), "allowedPorts.2.member", "8443 is reserved"),
    (ports((8000, 8100), 8100), "allowedPorts.2.member", "Port 8100 is in more than one"),
    (ports((9000, 8000)), "allowedPorts.1.member", "ends before it begins"),
    ({"environmentVariables": {"A": "x" * 4096}}, "environmentVariables", "4097 bytes"),
    (mounts("/mnt/data", "/mnt/data/"), "filesystemConfigurations.2.member.mountPath", "more than once"),
    (
        mounts("/mnt/data", "/mnt/.."),
        "filesystemConfigurations.2.member.mountPath",
        "not a directory under /mnt",
    ),
    (
        {"lifecycleConfiguration": {"maxLifetime": 28_801}},
        "lifecycleConfiguration.maxLifetime",
        "without a capacity provider",
    ),
    (jwt(), JWT, "At least one of allowedAudience"),
    (
        jwt(
            allowedAudience=["a"],
            allowedWorkloadConfiguration={"hostingEnvironments": [{"arn": PROVIDER}]},
        ),
        f"{JWT}.allowedWorkloadConfiguration.hostingEnvironments.1.member.arn",
        "not the ARN of an AgentCore Gateway",
    ),
    (claim("STRING", "CONTAINS", matchValueString="x"), f"{CLAIM}.claimMatchOperator", "by EQUALS"),
    (claim("STRING_ARRAY", "EQUALS", matchValueString="x"), f"{CLAIM}.claimMatchOperator", "CONTAINS_ANY"),
    (
        claim("STRING_ARRAY", "CONTAINS_ANY", matchValueString="x"),
        f"{CLAIM}.claimMatchValue",
        "needs matchValueStringList",
    ),
    (
        claim("STRING", "EQUALS", matchValueStringList=["x"]),
        f"{CLAIM}.claimMatchValue",
        "needs matchValueString",
    ),
]


@pytest.mark.parametrize(("given", "field", "words"), REFUSED, ids=[f"{f} {w}" for _, f, w in REFUSED])
def test_a_broken_rule_is_refused_with_its_field(
    aws: Clients, given: dict[str, Any], field: str, words: str
) -> None:
    """ValidationException at creation and at update alike, and no runtime or version comes of it."""
    code, status, message, response = refusal(lambda: create(aws, **given))
    assert (code, status) == ("ValidationException", 400)
    assert words in message
    assert [each["name"] for each in response["fieldList"]] == [field]
    assert aws.control.list_agent_runtimes()["agentRuntimes"] == []
    runtime_id = create(aws)["agentRuntimeId"]
    settled(aws, runtime_id)
    assert refusal(lambda: update(aws, runtime_id, **given))[0] == "ValidationException"
    assert settled(aws, runtime_id)["agentRuntimeVersion"] == "1"


def test_an_image_of_another_region_is_refused_in_aws_words(aws: Clients) -> None:
    """The message is AWS's own."""
    _, _, message, response = refusal(lambda: create(aws, uri=HELLO.replace("us-west-2", "eu-west-1")))
    assert message == (
        "Ecr uri region 'eu-west-1' does not match the application region 'us-west-2'. "
        "Container images must be in the same region as the application."
    )
    assert response["fieldList"][0]["name"] == "agentRuntimeArtifact.containerConfiguration.containerUri"


def test_a_role_of_another_account_is_refused(aws: Clients) -> None:
    """``Role validation failed`` is what AWS's own toolkit looks for in the message."""
    call = {
        "agentRuntimeName": "hello_agent",
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": HELLO}},
        "roleArn": "arn:aws:iam::210987654321:role/Foreign",
    }
    code, _, message, _ = refusal(lambda: aws.control.create_agent_runtime(**call))
    assert code == "ValidationException"
    assert message.startswith("Role validation failed for 'arn:aws:iam::210987654321:role/Foreign'.")


def test_a_vpc_needs_its_subnets(aws: Clients) -> None:
    """AWS: networkModeConfig is required with networkMode VPC."""
    call = {
        "agentRuntimeName": "hello_agent",
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": HELLO}},
        "roleArn": "arn:aws:iam::123456789012:role/Test",
        "networkConfiguration": {"networkMode": "VPC"},
    }
    assert "networkModeConfig is required" in refusal(lambda: aws.control.create_agent_runtime(**call))[2]


@pytest.mark.parametrize(
    "given",
    [
        {**headers("Authorization", "X-Team"), **jwt(allowedAudience=["me"])},
        headers("X-Amzn-Bedrock-AgentCore-Runtime-Custom-Team"),
        claim("STRING", "EQUALS", matchValueString="x"),
        claim("STRING_ARRAY", "CONTAINS_ANY", matchValueStringList=["x", "y"]),
        ports((8000, 8442), (8444, 9000), 9001),
        {"environmentVariables": {"A": "x" * 4096}, "platformVersion": "V2"},
        {"environmentVariables": {"A": "x" * 4095}},
        mounts("/mnt/data", "/mnt/more"),
        {
            "lifecycleConfiguration": {"maxLifetime": 28_801},
            "capacityProviderConfiguration": {"capacityProviderArn": PROVIDER},
        },
    ],
)
def test_what_the_rules_allow_becomes_a_runtime(aws: Clients, given: dict[str, Any]) -> None:
    """The other side of each boundary."""
    runtime = settled(aws, create(aws, **given)["agentRuntimeId"])
    assert runtime["status"] == "READY"


def test_quotas_are_enforced_and_can_be_set(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """One more than the limit is ServiceQuotaExceededException, 402; a place that is freed can be used again."""
    limits = {"runtimes": 2, "versions_per_runtime": 2, "endpoints_per_runtime": 2}
    tight = replace(settings, quotas=limits, fast_lifecycle=True)
    with engine_in_thread(tight, backend, clock) as running:
        aws = clients_of(running.url)
        control = aws.control
        runtime_id = create(aws)["agentRuntimeId"]
        other = create(aws, "other")["agentRuntimeId"]
        over = ("ServiceQuotaExceededException", 402)
        assert refusal(lambda: create(aws, "third"))[:2] == over
        control.delete_agent_runtime(agentRuntimeId=other)
        create(aws, "third")
        update(aws, runtime_id)
        assert refusal(lambda: update(aws, runtime_id))[:2] == over
        control.delete_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
        assert update(aws, runtime_id)["agentRuntimeVersion"] == "3"
        new_endpoint(aws, runtime_id)
        assert refusal(lambda: new_endpoint(aws, runtime_id, "more"))[:2] == over
        assert refusal(lambda: new_endpoint(aws, runtime_id))[0] == "ConflictException"
        control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="prod")
        new_endpoint(aws, runtime_id, "more")


def test_quotas_come_from_the_environment() -> None:
    """AWS's defaults but for those named; a name that is none, or a value that is none, is told."""
    settings = Settings.load({"AGENTCORE_LAB_QUOTAS": "runtimes=3, endpoints_per_runtime=4"})
    assert quotas_from(settings.quotas) == Quotas(3, 1000, 4)
    assert quotas_from({}) == Quotas(1000, 1000, 10)
    with pytest.raises(
        UnknownQuota, match="rockets: use credential_providers_of_a_kind, data_calls_per_second"
    ):
        quotas_from({"rockets": 1})
    with pytest.raises(ValueError, match="AGENTCORE_LAB_QUOTAS"):
        Settings.load({"AGENTCORE_LAB_QUOTAS": "runtimes=many"})
