"""pytest fixtures for agents and notebooks of one's own: an engine, runtimes from folders, the engine's clock.

Agents run as they do in a lab: in ARM64 containers where Docker can run them, else as processes;
``AGENTCORE_LAB_SANDBOX=docker`` or ``process`` insists on one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.lab import Lab
from agentcore_lab.lab_clock import LabClock
from agentcore_lab.plain_error import PlainError
from agentcore_lab.settings import apply_to_process, process_environment_kept


class NotReady(PlainError):  # noqa: N818 - a state, named as one
    """A runtime of a test did not become READY; the message is AWS's ``failureReason``."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that is READY. ``version`` is its latest one."""

    arn: str
    id: str
    name: str
    version: str


MakeRuntime = Callable[..., Runtime]


@pytest.fixture(scope="session")
def agentcore_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """An engine of this test run alone, on a free port, ended with it.

    The environment leads every AWS client to it for as long: boto3 in tests, in notebooks they execute (nbval,
    papermill), in programs they start. ``Lab()`` anywhere below finds it too.
    """
    data_dir = tmp_path_factory.mktemp("agentcore") / "data"
    with process_environment_kept():
        apply_to_process({"AGENTCORE_LAB_DATA_DIR": str(data_dir)})
        lab = Lab()
        yield lab
        lab.stop()


@pytest.fixture
def agentcore_clock(agentcore_lab: Lab) -> LabClock:
    """The engine's clock: ``advance("15m")``. It never goes back, and all tests share it, as they share the engine."""
    return agentcore_lab.clock


@pytest.fixture
def agentcore_runtime(agentcore_lab: Lab) -> Iterator[MakeRuntime]:
    """A function that builds the agent in a folder and makes a runtime of it, deleted after the test.

    ``agentcore_runtime(folder, name=…, environment={…}, **more)``: ``more`` are members of CreateAgentRuntime. A second
    call with the same name updates the runtime, which makes its next version.

    Raises:
        BuildError: the folder's Dockerfile or its packages cannot be used.
        NotReady: the agent did not prove healthy.
    """
    made: dict[str, str] = {}

    def make(
        folder: Path | str,
        *,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Runtime:
        wanted = name or Path(folder).resolve().name.replace("-", "_")
        settings = {
            "agentRuntimeArtifact": {
                "containerConfiguration": {"containerUri": agentcore_lab.build(folder).uri}
            },
            "roleArn": agentcore_lab.role_arn,
            "networkConfiguration": {"networkMode": "PUBLIC"},
            "environmentVariables": dict(environment or {}),
            **more,
        }
        if wanted in made:
            agentcore_lab.control.update_agent_runtime(agentRuntimeId=made[wanted], **settings)
        else:
            answer = agentcore_lab.control.create_agent_runtime(agentRuntimeName=wanted, **settings)
            made[wanted] = answer["agentRuntimeId"]
        ready = agentcore_lab.wait_until_settled(made[wanted])
        if ready["status"] != "READY":
            raise NotReady(f"Agent runtime {wanted} is {ready['status']}: {ready.get('failureReason', '')}")
        return Runtime(ready["agentRuntimeArn"], made[wanted], wanted, ready["agentRuntimeVersion"])

    yield make
    for name in made:
        agentcore_lab.delete_runtime(name)
