"""Whatever a service can create, the kit knows how to delete."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from agentcore_lab.cleanup.calls import Call
from agentcore_lab.cleanup.inverse import undoing, undone

_DEPTH = 3


def models() -> list[Any]:
    """botocore's models of both services."""
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-west-2")
    names = ("bedrock-agentcore-control", "bedrock-agentcore")
    return [session.client(name).meta.service_model for name in names]


MAKERS = [
    pytest.param(model, name, id=name)
    for model in models()
    for name in model.operation_names
    for verb, opposite in (("Create", "Delete"), ("Start", "Stop"))
    if name.startswith(verb) and opposite + name.removeprefix(verb) in model.operation_names
]


def sample(shape: Any, depth: int = 0) -> Any:
    """A value of a shape: structures with all their members, and of each string the shape's name."""
    if shape.type_name == "structure":
        members = shape.members.items() if depth < _DEPTH else ()
        return {name: sample(member, depth + 1) for name, member in members}
    return f"some/{shape.name}" if shape.type_name == "string" else None


@pytest.mark.parametrize(("model", "operation"), MAKERS)
def test_everything_that_can_be_made_can_be_unmade(model: Any, operation: str) -> None:
    """Every Create… and Start… of both models tells all that its Delete… or Stop… requires."""
    shapes = model.operation_model(operation)
    asked, answered = sample(shapes.input_shape), sample(shapes.output_shape)
    undo = undoing(Call("here", model.service_name, operation, asked, answered, model, 0))
    assert undo is not None
    required = model.operation_model(undo.operation).input_shape.required_members
    assert set(undo.parameters) == set(required)
    assert all(isinstance(value, str) for value in undo.parameters.values())
    itself = Call("here", model.service_name, undo.operation, undo.parameters, {}, model, 0)
    assert undone(itself) == undo.key


def test_what_has_no_opposite_is_left() -> None:
    """A call that only reads, and one whose result cannot be taken away, are not noted."""
    control = models()[0]
    for operation in ("GetAgentRuntime", "CreateDatasetVersion", "StartPolicyGeneration"):
        shapes = control.operation_model(operation)
        call = Call("here", control.service_name, operation, sample(shapes.input_shape), {}, control, 0)
        assert undoing(call) is None
