"""Every field of CreateAgentRuntime and UpdateAgentRuntime comes back, read from the service model itself."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.rules import check_configuration
from agentcore_lab.server.packaging import Packaging
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from agentcore_lab.testing.code import MemoryObjects, ScriptedCode, zipped
from agentcore_lab.wire.models import Operation, load_operations
from tests.conftest import HELLO, Clients
from tests.runtime.test_control_plane import ROLE, settled
from tests.wire.conftest import draw

OPERATIONS = {operation.name: operation for operation in load_operations()}
CREATE, UPDATE, GET = (OPERATIONS[f"{verb}AgentRuntime"] for verb in ("Create", "Update", "Get"))
NOT_CONFIGURATION = {"agentRuntimeName", "agentRuntimeId", "clientToken", "tags"}
TURNS = 3
SCOPE = Scope("123456789012", "us-west-2")
LEAST: dict[str, Any] = {
    "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": HELLO}},
    "roleArn": ROLE,
}


@pytest.fixture
def engine(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> Iterator[RunningEngine]:
    """An engine whose S3 has a zip wherever it is asked for one."""
    packaging = Packaging(MemoryObjects(otherwise=zipped({"main.py": ""})), ScriptedCode(backend))
    with engine_in_thread(settings, backend, clock, packaging) as running:
        yield running


def fields(operation: Operation) -> list[str]:
    """The configuration fields of the operation's input."""
    shape: Any = operation.model.input_shape
    return sorted(set(shape.members) - NOT_CONFIGURATION)


def sample(operation: Operation, field: str, turn: int) -> dict[str, Any]:
    """A whole configuration with a drawn value of ``field`` that keeps the model's and the rules' constraints."""
    shape: Any = operation.model.input_shape
    random = Random(f"{operation.name} {field} {turn}")
    for _ in range(3000):
        value = draw(shape.members[field], random, random.choice((0.3, 0.6, 1.0)))
        if field == "agentRuntimeArtifact" and "containerConfiguration" in value:
            continue  # LEAST has one whose image there is
        spec = {**LEAST, field: value}
        try:
            check_configuration(spec, SCOPE)
        except ValidationException:
            continue
        return spec
    raise AssertionError(f"no value of {field} that the rules allow was found")


def configuration(runtime: dict[str, Any]) -> dict[str, Any]:
    """What of GetAgentRuntime's answer is configuration."""
    known = set(fields(CREATE)) | set(fields(UPDATE))
    return {name: value for name, value in runtime.items() if name in known}


def expected(spec: dict[str, Any]) -> dict[str, Any]:
    """The configuration as Get returns it: with AWS's lifecycle defaults where a part of it was left out."""
    lifecycle = spec.get("lifecycleConfiguration", {})
    lifetime = lifecycle.get("maxLifetime", 28_800)
    defaults = {"idleRuntimeSessionTimeout": min(900, lifetime), "maxLifetime": lifetime}
    return {**spec, "lifecycleConfiguration": {**defaults, **lifecycle}}


def test_get_has_a_member_for_every_field() -> None:
    """What can be set can be read: the model itself says so, and the fields below are all there are."""
    shape: Any = GET.model.output_shape
    assert set(fields(CREATE)) | set(fields(UPDATE)) <= set(shape.members)
    assert len(fields(CREATE)) >= 15


@pytest.mark.parametrize("field", fields(CREATE))
def test_a_created_field_comes_back_unchanged(aws: Clients, field: str) -> None:
    """From the runtime and from its version 1, and nothing that was not given comes with it."""
    for turn in range(TURNS):
        spec = sample(CREATE, field, turn)
        made = aws.control.create_agent_runtime(agentRuntimeName=f"agent_{turn}", **spec)
        runtime_id = made["agentRuntimeId"]
        assert configuration(settled(aws, runtime_id)) == expected(spec)
        first = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
        assert configuration(first) == expected(spec)


@pytest.mark.parametrize("field", fields(UPDATE))
def test_an_updated_field_belongs_to_its_version_alone(aws: Clients, field: str) -> None:
    """Each update replaces everything; every version keeps what it was made with."""
    runtime_id = aws.control.create_agent_runtime(agentRuntimeName="agent", **LEAST)["agentRuntimeId"]
    settled(aws, runtime_id)
    specs = [LEAST]
    for turn in range(TURNS):
        specs.append(sample(UPDATE, field, turn))
        aws.control.update_agent_runtime(agentRuntimeId=runtime_id, **specs[-1])
        assert configuration(settled(aws, runtime_id)) == expected(specs[-1])
    for number, spec in enumerate(specs, 1):
        version = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion=str(number))
        assert configuration(version) == expected(spec)
