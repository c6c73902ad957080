"""Secrets that callers keep in their own Secrets Manager, and credential providers that name them."""

from __future__ import annotations

import json

from agentcore_lab.discovery import RunningEngine
from tests.conftest import clients_of
from tests.identity.oauth_server import CLIENT_ID, CLIENT_SECRET, oauth_server
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
