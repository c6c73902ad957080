"""Which service an AWS name belongs to."""

from __future__ import annotations

import pytest

from agentcore_lab.tls.names import is_aws, is_local, is_played, names_in, service_of


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("bedrock-agentcore.us-west-2.amazonaws.com", "bedrock-agentcore"),
        ("BEDROCK-AGENTCORE-CONTROL.eu-west-1.amazonaws.com", "bedrock-agentcore-control"),
        ("my.bucket.s3.us-west-2.amazonaws.com", "s3"),
        ("s3.dualstack.us-west-2.amazonaws.com", "s3"),
        ("iam.amazonaws.com", "iam"),
        ("api.ecr.us-west-2.amazonaws.com", "ecr"),
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "ecr"),
        ("bedrock-agentcore.cn-north-1.amazonaws.com.cn", "bedrock-agentcore"),
        ("tools-abc.gateway.bedrock-agentcore.us-west-2.amazonaws.com", "gateway"),
        ("amazonaws.com", None),
        ("evil-amazonaws.com", None),
        ("127.0.0.1", None),
    ],
)
def test_a_name_tells_its_service(host: str, service: str | None) -> None:
    """Regions, buckets, accounts and the form of the endpoint make no difference."""
    assert service_of(host) == service
    assert is_aws(host) is (service is not None)


def test_what_is_answered_under_its_own_name() -> None:
    """AgentCore's two planes and the models; neither other services nor what only looks like one."""
    assert all(is_played(name) for name in names_in("us-west-2"))
    assert "bedrock-runtime.us-west-2.amazonaws.com" in names_in("us-west-2")
    assert not is_played("dynamodb.us-west-2.amazonaws.com")
    assert not is_played("tools-abc.gateway.bedrock-agentcore.us-west-2.amazonaws.com")


def test_the_machines_own_names() -> None:
    """``localhost``, all below it, and what containers call the machine."""
    assert is_local("localhost")
    assert is_local("8080-x.LOCALHOST")
    assert is_local("host.docker.internal")
    assert not is_local("localhost.example")
