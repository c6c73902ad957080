"""Secrets and keys that callers keep in their own Secrets Manager and KMS, and credential providers that name them."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agentcore_lab.discovery import RunningEngine
from tests.conftest import clients_of
from tests.identity.oauth_server import CLIENT_ID, CLIENT_SECRET, OAuthServer, oauth_server
from tests.identity.test_api_keys import key_of, refused, token_for
from tests.identity.test_m2m import asking
from tests.identity.test_oauth2_providers import provide
from tests.identity.test_workload_identities import make
from tests.neighbours.conftest import Client


def test_a_providers_secret_may_lie_in_secrets_manager(beside: RunningEngine, client: Client) -> None:
    """It is read at each use, by ARN or by name; what is not there, or no such JSON, is said without the secret."""
    aws, manager = clients_of(beside.url), client("secretsmanager")
    secret = manager.create_secret(
        Name="prod/weather", SecretString=json.dumps({"key": "canary-1", "oauth": CLIENT_SECRET})
    )
    manager.create_secret(Name="prod/text", SecretString="canary, and no JSON")
    make(aws)
    token = token_for(aws)
    for name, secret_id in (("by-arn", secret["ARN"]), ("by-name", "prod/weather")):
        config = {"secretId": secret_id, "jsonKey": "key"}
        made = aws.control.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig=config
        )
        assert made["apiKeySecretJsonKey"] == "key"
        assert key_of(aws, token, name) == "canary-1"
    manager.put_secret_value(SecretId="prod/weather", SecretString=json.dumps({"key": "canary-2"}))
    assert key_of(aws, token, "by-arn") == "canary-2"

    for name, config in {
        "unknown": {"secretId": "prod/nothing", "jsonKey": "key"},
        "no-json": {"secretId": "prod/text", "jsonKey": "key"},
        "no-key": {"secretId": "prod/weather", "jsonKey": "oauth"},
    }.items():
        aws.control.create_api_key_credential_provider(
            name=name, apiKeySecretSource="EXTERNAL", apiKeySecretConfig=config
        )
        code, message = refused(
            aws.data.get_resource_api_key,
            workloadIdentityToken=token,
            resourceCredentialProviderName=name,
        )
        assert code == "ValidationException"
        assert "canary" not in message


def test_a_clients_secret_may_lie_there_too(beside: RunningEngine, client: Client) -> None:
    """Client credentials with a secret that the engine has never been given."""
    aws = clients_of(beside.url)
    client("secretsmanager").create_secret(
        Name="prod/calendar", SecretString=json.dumps({"secret": CLIENT_SECRET})
    )
    make(aws, "another-agent")
    with oauth_server() as server:
        config = {
            "clientId": CLIENT_ID,
            "oauthDiscovery": {"discoveryUrl": server.discovery_url},
            "clientSecretSource": "EXTERNAL",
            "clientSecretConfig": {"secretId": "prod/calendar", "jsonKey": "secret"},
        }
        provide(aws, "CustomOauth2", {"customOauth2ProviderConfig": config})
        token = token_for(aws, workload="another-agent")
        assert aws.data.get_resource_oauth2_token(**asking(token))["accessToken"] in server.issued


@pytest.mark.parametrize(
    ("algorithm", "spec"), [("RS256", "RSA_2048"), ("PS256", "RSA_2048"), ("ES256", "ECC_NIST_P256")]
)
def test_a_client_may_sign_with_a_key_in_kms(
    beside: RunningEngine, client: Client, algorithm: str, spec: str
) -> None:
    """The provider, which knows the public key alone, verifies each assertion; none is used twice."""
    aws, kms = clients_of(beside.url), client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]
    make(aws, f"agent-{algorithm}")
    token = token_for(aws, workload=f"agent-{algorithm}")
    with oauth_server() as server:
        server.method, server.algorithm = "private_key_jwt", algorithm
        server.public_key = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
        provide(aws, "CustomOauth2", signing(server, key["Arn"], algorithm), f"signed-{algorithm}")
        asked = asking(token, resourceCredentialProviderName=f"signed-{algorithm}")
        for _ in range(2):
            assert aws.data.get_resource_oauth2_token(**asked)["accessToken"] == server.issued[-1]
        assert [each["client_id"] for each in server.asked] == [CLIENT_ID] * 2
        first, _ = server.assertions.values()
        assert jwt.get_unverified_header(first) == {"alg": algorithm, "typ": "JWT", "kid": "mine"}


def test_what_a_provider_wants_of_an_assertion(beside: RunningEngine, client: Client) -> None:
    """An audience of its own and more claims; a key that cannot sign so, or is not there, is named."""
    aws, kms = clients_of(beside.url), client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]
    make(aws, "agent-of-entra")
    token = token_for(aws, workload="agent-of-entra")
    with oauth_server() as server:
        server.method, server.audience = "private_key_jwt", "https://login.example.com"
        server.public_key = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
        claims = {"aud": "https://login.example.com", "tenant": "t1"}
        config = signing(server, key["Arn"], "RS256", additionalPayloadClaims=claims)
        provide(aws, "CustomOauth2", config, "entra")
        asked = asking(token, resourceCredentialProviderName="entra")
        assert aws.data.get_resource_oauth2_token(**asked)["accessToken"] in server.issued
        (assertion,) = server.assertions.values()
        assert jwt.decode(assertion, options={"verify_signature": False})["tenant"] == "t1"
        gone = key["Arn"].replace(key["KeyId"], "01234567-89ab-cdef-0123-456789abcdef")
        for name, arn, algorithm in (("other-kind", key["Arn"], "ES256"), ("gone", gone, "RS256")):
            provide(aws, "CustomOauth2", signing(server, arn, algorithm), name)
            code, message = refused(
                aws.data.get_resource_oauth2_token, **{**asked, "resourceCredentialProviderName": name}
            )
            assert (code, arn in message) == ("ValidationException", True)


def signing(server: OAuthServer, arn: str, algorithm: str, **more: Any) -> dict[str, Any]:
    """The configuration of a provider whose client signs with a key in KMS."""
    config = {
        "clientId": CLIENT_ID,
        "oauthDiscovery": {"discoveryUrl": server.discovery_url},
        "clientAuthenticationMethod": "PRIVATE_KEY_JWT",
        "privateKeyJwtConfig": {
            "privateKeySource": {"kmsKeySource": {"kmsKeyArn": arn}},
            "signingAlgorithm": algorithm,
            "additionalHeaderClaims": {"kid": "mine"},
            **more,
        },
    }
    return {"customOauth2ProviderConfig": config}
