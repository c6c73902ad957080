"""One engine a sandbox for all of these tests, and runtimes that last for a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.stage import Stage
from tests.conftest import clients_of
from tests.programs import Program

_SLOW_IN_CONTAINERS = {"test_plain_boto3.py", "test_model_agents.py", "test_identity_agent.py"}


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=pytest.mark.docker),
    ],
)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An engine on every sandbox there is, one after the other.

    Containers have AWS's own host names as they are, processes where the engine has TLS.
    """
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    options = ["--sandbox", request.param, "--port", "0", "--ping-seconds", "1"]
    if request.param == "process":
        options.append("--tls")
    with program.serving(*options) as serving:
        yield Stage(program, serving.engine, clients_of(serving.engine.url))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Agents that import much take 8 to 25 s to start under QEMU: they run as containers in ``make test-long``."""
    for item in items:
        if item.path.name in _SLOW_IN_CONTAINERS and item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.long)
