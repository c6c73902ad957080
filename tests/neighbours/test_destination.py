"""Which service a request is for, from what it shows."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from agentcore_lab.neighbours.destination import OURS, Destination, destination

OTHER = "SignedHeaders=host;x-amz-date, Signature=00"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def signed(service: str, region: str = "us-west-2") -> dict[str, str]:
    """Headers of a signed request."""
    scope = f"AGENTCORELABLOCAL000/20260101/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, {OTHER}", "Host": "127.0.0.1:4599"}


def presigned(service: str) -> str:
    """The query of a presigned URL."""
    scope = f"AGENTCORELABLOCAL000%2F20260101%2Fus-west-2%2F{service}%2Faws4_request"
    return f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Signature=00"


def host(name: str) -> dict[str, str]:
    """Headers of an unsigned request to a host."""
    return {"Host": name}


def to(service: str, bucket: str = "") -> Destination:
    """A service beside AgentCore."""
    return Destination("neighbour", service, bucket)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "answers"),
    [
        # The credential scope decides, whatever the path.
        ("PUT", "/runtimes/", "", signed("bedrock-agentcore"), OURS),
        ("POST", "/model/x/converse", "", signed("bedrock"), OURS),
        ("PUT", "/runtimes/key", "", signed("s3"), to("s3")),
        ("POST", "/", "", signed("sts"), to("sts")),
        ("POST", "/", "", signed("iam", "us-east-1"), to("iam")),
        ("POST", "/", "", signed("cognito-idp"), to("cognito-idp")),
        ("POST", "/", "", signed("dynamodb"), to("dynamodb")),
        ("POST", "/TraceSegments", "", signed("xray"), to("xray")),
        ("POST", "/", "", signed("sqs"), Destination("unoffered", "sqs")),
        ("GET", "/b/k", "", {"Authorization": "AWS AKID:signature="}, to("s3")),
        (
            "GET",
            "/b/k",
            "",
            {"Authorization": f"AWS4-ECDSA-P256-SHA256 Credential=AK/20260101/s3/aws4_request, {OTHER}"},
            to("s3"),
        ),
        # A signature that cannot be read is the engine's to refuse.
        ("POST", "/", "", {"Authorization": "AWS4-HMAC-SHA256 nonsense"}, OURS),
        # Presigned, by both versions.
        ("GET", "/b/k", presigned("s3"), host("127.0.0.1"), to("s3")),
        ("GET", "/runtimes/x/ws", presigned("bedrock-agentcore"), host("127.0.0.1"), OURS),
        ("GET", "/b/k", "AWSAccessKeyId=AK&Signature=x%3D&Expires=1", host("127.0.0.1"), to("s3")),
        # AWS's host names.
        ("GET", "/", "", host("bedrock-agentcore.us-west-2.amazonaws.com"), OURS),
        ("GET", "/", "", host("bedrock-agentcore-control.us-west-2.amazonaws.com"), OURS),
        ("GET", "/", "", host("local.amazonaws.com:8443"), Destination("unoffered", "local")),
        (
            "GET",
            "/us-west-2_Ab1/.well-known/jwks.json",
            "",
            host("cognito-idp.us-west-2.amazonaws.com"),
            to("cognito-idp"),
        ),
        ("GET", "/k", "", host("my.bucket.s3.us-west-2.amazonaws.com"), to("s3", "my.bucket")),
        ("GET", "/k", "", host("my-bucket.s3.amazonaws.com"), to("s3", "my-bucket")),
        ("GET", "/k", "", host("my-bucket.s3.dualstack.eu-west-1.amazonaws.com"), to("s3", "my-bucket")),
        ("GET", "/b/k", "", host("s3.us-west-2.amazonaws.com"), to("s3")),
        ("GET", "/b/k", "", host("s3.dualstack.us-west-2.amazonaws.com"), to("s3")),
        ("POST", "/", "", host("api.ecr.us-west-2.amazonaws.com"), to("ecr")),
        ("POST", "/", "", host("sts.amazonaws.com"), to("sts")),
        ("POST", "/", "", host("sqs.us-west-2.amazonaws.com"), Destination("unoffered", "sqs")),
        (
            "PUT",
            "/k",
            "",
            {**signed("s3"), "Host": "my-bucket.s3.us-west-2.amazonaws.com"},
            to("s3", "my-bucket"),
        ),
        # Calls that need no signature.
        (
            "POST",
            "/",
            "",
            {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"},
            to("cognito-idp"),
        ),
        ("POST", "/", "", {"Content-Type": FORM}, to("sts")),
        ("GET", "/us-west-2_Ab1/.well-known/openid-configuration", "", {}, to("cognito-idp")),
        ("POST", "/bucket", "", {"Content-Type": "multipart/form-data; boundary=x"}, to("s3")),
        # The rest is the engine's own: bearer tokens, unsigned calls, what nobody knows.
        ("POST", "/runtimes/x/invocations", "", {"Content-Type": "multipart/form-data; boundary=x"}, OURS),
        ("POST", "/runtimes/x/invocations", "", {"Authorization": "Bearer s3/aws4_request"}, OURS),
        ("GET", "/nothing/here", "", host("127.0.0.1"), OURS),
    ],
)
def test_each_request_goes_to_its_service(
    method: str, path: str, query: str, headers: dict[str, str], answers: Destination
) -> None:
    """Credential scope, host, target and form: in this order."""
    assert destination(method, path, query, CIMultiDict(headers)) == answers
