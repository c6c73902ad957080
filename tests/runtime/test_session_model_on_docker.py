"""The model of test_session_model.py against real containers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from docker import DockerClient

from agentcore_lab.sandbox.docker_host import connect
from tests.runtime.model.docker_world import DockerWorld, build_agent
from tests.runtime.model.tally import Tally
from tests.runtime.test_session_model import Lives, live

pytestmark = [pytest.mark.docker, pytest.mark.long]


@pytest.fixture
def client() -> Iterator[DockerClient]:
    """The container engine itself."""
    client = connect()
    yield client
    client.close()


@pytest.fixture
def uri(client: DockerClient) -> Iterator[str]:
    """The image of an agent that does as it is told."""
    uri = build_agent(client)
    yield uri
    client.images.remove(uri, force=True)


def test_model_and_engine_agree_on_containers(
    tmp_path: Path, client: DockerClient, uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three runtimes with six sessions each, in random order but the same every time."""
    tally = Tally()
    containers = partial(DockerWorld, tmp_path, tally, client, uri, runtimes=3, ids=6)
    live(Lives, containers, tally, examples=4, steps=25, number=4)
    with capsys.disabled():
        sys.stdout.write(f"\n{tally}\n")
    assert (tally.peak_runtimes, tally.peak_living) == (3, 18)
