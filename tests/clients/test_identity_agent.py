"""The SDK's identity decorators inside a lab's agent, unmodified: the engine hands it the token they need."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from tests.clients.stage import Deployed, Stage
from tests.identity.oauth_server import CLIENT_ID, CLIENT_SECRET, OAuthServer, oauth_server

KEY = "canary-of-the-weather"


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """The agent that calls out."""
    with stage.deployed("identity-agent") as deployed:
        yield deployed


@pytest.fixture
def provider(agent: Deployed) -> Iterator[str]:
    """An API-key provider."""
    name = f"weather-{uuid.uuid4().hex[:8]}"
    agent.aws.control.create_api_key_credential_provider(name=name, apiKey=KEY)
    yield name
    agent.aws.control.delete_api_key_credential_provider(name=name)


def test_requires_api_key(agent: Deployed, provider: str) -> None:
    """For a user the decorator gets the key; for nobody the SDK says what is missing."""
    asked = {"credential": "api-key", "provider": provider}
    assert agent.ask(asked, runtimeUserId="alice") == {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    refusal = agent.ask(asked)["error"]
    assert "Workload access token has not been set" in refusal


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """An OAuth2 server; the engine speaks to it, so that it need not be seen from inside a container."""
    with oauth_server() as running:
        yield running


def test_requires_access_token_for_itself(agent: Deployed, server: OAuthServer) -> None:
    """Client credentials: the decorator gets what the provider granted to the engine."""
    client = {
        "oauthDiscovery": {"discoveryUrl": server.discovery_url},
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
    }
    name = f"calendar-{uuid.uuid4().hex[:8]}"
    agent.aws.control.create_oauth2_credential_provider(
        name=name,
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput={"customOauth2ProviderConfig": client},
    )
    try:
        asked = {"credential": "m2m", "provider": name, "scopes": ["read"]}
        answer = agent.ask(asked, runtimeUserId="alice")
        assert answer == {"sha256": hashlib.sha256(server.issued[-1].encode()).hexdigest()}
        # The user's own leave needs a return URL, which this agent's workload identity does not have.
        asked = {
            "credential": "user",
            "provider": name,
            "scopes": ["read"],
            "callback": "https://app.example",
        }
        refusal = agent.ask(asked, runtimeUserId="alice")["error"]
        assert "You must register and use at least one ResourceOauth2ReturnUrl" in refusal
    finally:
        agent.aws.control.delete_oauth2_credential_provider(name=name)
