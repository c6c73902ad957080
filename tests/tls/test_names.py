"""Which host names are AWS's, which are this machine's, and which ones agents are given."""

from __future__ import annotations

import pytest

from agentcore_lab.neighbours.destination import destination
from agentcore_lab.tls.names import is_aws, is_local, names_in


@pytest.mark.parametrize(
    "host",
    [
        "bedrock-agentcore.us-west-2.amazonaws.com",
        "MY.bucket.s3.us-west-2.AMAZONAWS.com",
        "iam.amazonaws.com",
        "bedrock-agentcore.cn-north-1.amazonaws.com.cn",
        "bedrock-agentcore.us-west-2.api.aws",
    ],
)
def test_names_of_aws(host: str) -> None:
    """Whatever is below one of its domains, in any spelling."""
    assert is_aws(host)
    assert not is_local(host)


@pytest.mark.parametrize(
    "host", ["amazonaws.com", "evil-amazonaws.com", "amazonaws.com.evil.example", "api.aws", "127.0.0.1"]
)
def test_what_only_looks_like_one(host: str) -> None:
    """A domain alone, names that end alike, addresses."""
    assert not is_aws(host)


def test_the_machines_own_names() -> None:
    """``localhost``, all below it, and what containers call the machine."""
    assert is_local("localhost")
    assert is_local("8080-x.LOCALHOST")
    assert is_local("host.docker.internal")
    assert not is_local("localhost.example")


def test_every_name_given_to_agents_is_answered() -> None:
    """The engine knows by the name alone which service it is for."""
    services = ["bedrock-agentcore", "s3", "sts", "iam", "ecr"]
    names = names_in("eu-west-1", "123456789012", services)
    assert names == [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "api.ecr.eu-west-1.amazonaws.com",
        "bedrock-agentcore.eu-west-1.amazonaws.com",
        "ecr.eu-west-1.amazonaws.com",
        "iam.amazonaws.com",
        "s3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "sts.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
    ]
    assert all(destination("GET", "/", "", {"Host": name}).kind != "unoffered" for name in names)
