"""Fixtures every test may use: settings of its own, and boto3 clients of an engine."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import hypothesis
import pytest
from botocore.config import Config

from agentcore_lab.accounts.handed_out import client_environment, client_session
from agentcore_lab.discovery import RunningEngine, engine_at, leave_note
from agentcore_lab.lab import Lab
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread

# Each session of boto3 reads AWS's models anew, which was most of what a test with an engine cost.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# A machine under load is no fault of the code.
hypothesis.settings.register_profile("lab", deadline=None)
hypothesis.settings.load_profile("lab")

HELLO = "123456789012.dkr.ecr.us-west-2.amazonaws.com/hello:latest"


@dataclass(frozen=True)
class Clients:
    """Plain boto3 clients of one engine."""

    control: Any
    data: Any


def clients_of(
    url: str, *, region: str = "us-west-2", patience: int = 60, account: str | None = None
) -> Clients:
    """Clients as a user makes them, except that an engine that fails is not asked again.

    ``patience``: how many seconds they wait for an answer. ``account``: a name or id, the default one if left out.
    """
    engine = engine_at(url)
    assert engine is not None, f"no engine answers at {url}"
    session = client_session(engine, account, region)
    config = Config(retries={"total_max_attempts": 1}, read_timeout=patience)
    return Clients(
        session.client("bedrock-agentcore-control", endpoint_url=url, config=config),
        session.client("bedrock-agentcore", endpoint_url=url, config=config),
    )


@pytest.fixture(autouse=True)
def _no_credentials_of_earlier_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's default session keeps the credentials it was first made with."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an engine of this test alone."""
    return Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", port=0, quotas=UNMETERED)


@pytest.fixture
def backend() -> ScriptedBackend:
    """A scripted backend that knows one well-behaved image, HELLO, which echoes."""
    scripted = ScriptedBackend()
    scripted.add(HELLO)
    return scripted


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def engine(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> Iterator[RunningEngine]:
    """A running engine on scripted sandboxes."""
    with engine_in_thread(settings, backend, clock) as running:
        yield running


@pytest.fixture
def aws(engine: RunningEngine) -> Clients:
    """boto3 clients of the running engine."""
    return clients_of(engine.url)


@pytest.fixture
def lab(engine: RunningEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A notebook's Lab on the running engine; what it sets in the environment is put back afterwards."""
    for name, value in client_environment(engine).items():
        monkeypatch.setenv(name, value)
    leave_note(engine)
    return Lab(data_dir=settings.data_dir)
