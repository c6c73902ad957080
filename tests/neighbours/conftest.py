"""One engine for the tests of the services beside AgentCore, and boto3 as a script has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the module's engine."""
    folder = tmp_path_factory.mktemp("engine")
    return Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)


@pytest.fixture(scope="module")
def beside(own_settings: Settings) -> Iterator[RunningEngine]:
    """An engine on scripted sandboxes; moto comes with the first call for it."""
    with engine_in_thread(own_settings, ScriptedBackend(), FakeClock()) as running:
        yield running


@pytest.fixture
def client(beside: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> Client:
    """boto3.client, where the environment is what `agentcore-lab env` prints and nothing names an endpoint."""
    for name, value in client_environment(beside).items():
        monkeypatch.setenv(name, value)
    make: Any = boto3.Session().client  # boto3's own session keeps the credentials it was first made with
    return lambda service: make(service, config=Config(retries={"total_max_attempts": 1}))
