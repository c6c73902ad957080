"""The SDK's identity decorators inside a lab's agent, unmodified: the engine hands it the token they need."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from tests.clients.stage import Deployed, Stage

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
