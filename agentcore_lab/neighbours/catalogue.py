"""Which services of AWS are offered beside AgentCore, and how a request shows that it is for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One service: ``name`` is its signing name, its first label as a host and boto3's name for it."""

    name: str
    title: str
    targets: tuple[str, ...] = ()
    """What X-Amz-Target begins with, for services with calls that are not signed."""


OFFERED: Final = MappingProxyType(
    {
        neighbour.name: neighbour
        for neighbour in (
            Neighbour("s3", "S3"),
            Neighbour("sts", "STS"),
            Neighbour("iam", "IAM"),
            Neighbour("ecr", "ECR"),
            Neighbour("codebuild", "CodeBuild"),
            Neighbour("cognito-idp", "Cognito", ("AWSCognitoIdentityProviderService.",)),
            Neighbour("ssm", "SSM"),
            Neighbour("secretsmanager", "Secrets Manager"),
            Neighbour("kms", "KMS"),
            Neighbour("logs", "CloudWatch Logs"),
            Neighbour("xray", "X-Ray"),
            Neighbour("dynamodb", "DynamoDB"),
        )
    }
)
"""By signing name."""

OWN: Final = frozenset({"bedrock-agentcore", "bedrock-agentcore-control", "bedrock", "bedrock-runtime"})
"""Signing names and host labels of what the engine answers itself."""


def offered_in_words() -> str:
    """All that answers behind the engine's port, for people."""
    return ", ".join(["AgentCore", "bedrock-runtime", *(neighbour.title for neighbour in OFFERED.values())])
