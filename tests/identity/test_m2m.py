"""Tokens of an agent for itself (client credentials), from a real token endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Clients
from tests.identity.oauth_server import CLIENT_ID, CLIENT_SECRET, OAuthServer
from tests.identity.test_api_keys import refused, token_for
from tests.identity.test_oauth2_providers import provide
from tests.identity.test_workload_identities import make

CLIENT: dict[str, Any] = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}


def custom(server: OAuthServer, **more: Any) -> dict[str, Any]:
    """The configuration of a provider that is this server's client."""
    discovery = {"oauthDiscovery": {"discoveryUrl": server.discovery_url}}
    return {"customOauth2ProviderConfig": {**CLIENT, **discovery, **more}}


def asking(token: str, **more: Any) -> dict[str, Any]:
    """The parameters of GetResourceOauth2Token for the agent itself."""
    return {
        "workloadIdentityToken": token,
        "resourceCredentialProviderName": "calendar",
        "oauth2Flow": "M2M",
        "scopes": ["read", "write"],
        **more,
    }


@pytest.fixture
def token(aws: Clients) -> str:
    """A token of a workload, for nobody."""
    make(aws)
    return token_for(aws)


def test_an_agent_gets_a_token_for_itself(aws: Clients, server: OAuthServer, token: str) -> None:
    """The provider is asked with client, scopes, resources, audiences and the caller's own parameters; each time."""
    provide(aws, "CustomOauth2", custom(server))
    more = {
        "resources": ["https://a.example", "https://b.example"],
        "audiences": ["calendar"],
        "customParameters": {"tenant": "t1", "grant_type": "password", "scope": "all", "client_id": "other"},
    }
    first = aws.data.get_resource_oauth2_token(**asking(token, **more))["accessToken"]
    second = aws.data.get_resource_oauth2_token(**asking(token))["accessToken"]
    assert [first, second] == server.issued
    asked = server.asked[0]
    assert asked.method == "client_secret_basic"
    assert asked.form == {
        "grant_type": ["client_credentials"],
        "scope": ["read write"],
        "resource": ["https://a.example", "https://b.example"],
        "audience": ["calendar"],
        "tenant": ["t1"],
    }


@pytest.mark.parametrize(
    ("offered", "asked_for", "used"),
    [
        ("client_secret_post", None, "client_secret_post"),
        ("client_secret_basic", None, "client_secret_basic"),
        ("client_secret_post", "CLIENT_SECRET_POST", "client_secret_post"),
        ("client_secret_basic", "CLIENT_SECRET_BASIC", "client_secret_basic"),
    ],
)
def test_a_client_says_who_it_is_as_its_provider_wants_it(
    aws: Clients, server: OAuthServer, token: str, offered: str, asked_for: str | None, used: str
) -> None:
    """In the way the provider offers, unless the configuration says which."""
    server.method = offered
    more = {"clientAuthenticationMethod": asked_for} if asked_for else {}
    provide(aws, "CustomOauth2", custom(server, **more))
    aws.data.get_resource_oauth2_token(**asking(token))
    assert server.asked[0].method == used


def test_cognitos_endpoints_are_stated(aws: Clients, server: OAuthServer, token: str) -> None:
    """A vendor whose endpoints are the caller's to say works without a discovery document."""
    stated = {
        "issuer": server.url,
        "authorizationEndpoint": f"{server.url}/authorize",
        "tokenEndpoint": f"{server.url}/token",
    }
    provide(aws, "CognitoOauth2", {"includedOauth2ProviderConfig": {**CLIENT, **stated}})
    assert aws.data.get_resource_oauth2_token(**asking(token))["accessToken"] in server.issued


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (
            web.json_response({"error": "invalid_scope", "error_description": "canary"}, status=400),
            "400 invalid_scope",
        ),
        (web.json_response({"error": CLIENT_SECRET}, status=401), "answered 401."),
        (web.Response(text="canary: not JSON"), "answered 200."),
        (web.json_response(["canary"]), "answered 200."),
        (web.json_response({"access_token": ""}), "answered 200."),
        (web.Response(status=302, headers={"Location": "/canary"}), "answered 302."),
    ],
)
def test_a_provider_that_grants_nothing(
    aws: Clients, server: OAuthServer, token: str, fails: web.Response, said: str
) -> None:
    """AWS's words, with the status and OAuth's own code; nothing else of what the provider says."""
    provide(aws, "CustomOauth2", custom(server))
    server.fails = fails
    code, message = refused(aws.data.get_resource_oauth2_token, **asking(token))
    assert code == "ValidationException"
    assert message.startswith("Error parsing ClientCredentials response")
    assert said in message
    assert "canary" not in message
    assert CLIENT_SECRET not in message


def test_a_provider_that_is_not_there(aws: Clients, server: OAuthServer, token: str) -> None:
    """It is told where it was looked for."""
    discovery = {"oauthDiscovery": {"discoveryUrl": "http://127.0.0.1:9/.well-known/openid-configuration"}}
    provide(aws, "CustomOauth2", {"customOauth2ProviderConfig": {**CLIENT, **discovery}})
    code, message = refused(aws.data.get_resource_oauth2_token, **asking(token))
    assert code == "ValidationException"
    assert "cannot be reached at http://127.0.0.1:9/" in message
    missing = {"oauthDiscovery": {"discoveryUrl": f"{server.url}/none/.well-known/openid-configuration"}}
    provide(aws, "CustomOauth2", {"customOauth2ProviderConfig": {**CLIENT, **missing}}, "other")
    asked = asking(token, resourceCredentialProviderName="other")
    assert "discovery document" in refused(aws.data.get_resource_oauth2_token, **asked)[1]


def test_aws_own_assertions_are_not_made_here(aws: Clients, server: OAuthServer, token: str) -> None:
    """There is no AWS to sign them: stored, without a client id if need be, and refused when it comes to a token."""
    config = {
        "oauthDiscovery": {"discoveryUrl": server.discovery_url},
        "clientAuthenticationMethod": "AWS_IAM_ID_TOKEN_JWT",
    }
    provide(aws, "CustomOauth2", {"customOauth2ProviderConfig": config})
    code, message = refused(aws.data.get_resource_oauth2_token, **asking(token))
    assert code == "ValidationException"
    assert "AWS_IAM_ID_TOKEN_JWT" in message


def test_an_invalid_token_and_an_unknown_provider(aws: Clients, server: OAuthServer, token: str) -> None:
    """403 and 404; the provider is not asked."""
    assert refused(aws.data.get_resource_oauth2_token, **asking(token))[0] == "ResourceNotFoundException"
    provide(aws, "CustomOauth2", custom(server))
    assert refused(aws.data.get_resource_oauth2_token, **asking("made-up"))[0] == "AccessDeniedException"
    assert server.asked == []
