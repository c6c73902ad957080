"""Validation: AWS's words for every kind of constraint, all failures at once, and nothing secret shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from botocore.model import ServiceModel

from agentcore_lab.errors import ValidationException
from agentcore_lab.wire.models import Operation, load_operations, operations_of
from agentcore_lab.wire.validate import validate

OPERATIONS = load_operations()
BY_NAME = {operation.name: operation for operation in OPERATIONS}
MARK = "S3CRET!"
NAME = (
    "[Member must have length less than or equal to 4, Member must have length greater than or equal to 2, "
)
NAME += "Member must satisfy regular expression pattern: [a-z]+, Member must not be null]"

RUNTIME = {
    "agentRuntimeName": "my_agent",
    "agentRuntimeArtifact": {
        "containerConfiguration": {"containerUri": "1" * 12 + ".dkr.ecr.us-west-2.amazonaws.com/a"}
    },
    "roleArn": "arn:aws:iam::123456789012:role/Lab",
    "networkConfiguration": {"networkMode": "PUBLIC"},
}


def refusal(operation: Operation, params: dict[str, Any]) -> ValidationException:
    """The refusal of params that are not valid."""
    with pytest.raises(ValidationException) as caught:
        validate(operation, params)
    return caught.value


def test_valid_params_pass() -> None:
    """What CreateAgentRuntime needs, and nothing more, is valid."""
    validate(BY_NAME["CreateAgentRuntime"], RUNTIME)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"agentRuntimeName": "my-agent"},
            "Value 'my-agent' at 'agentRuntimeName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}",
        ),
        ({"roleArn": None}, "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"),
        (
            {"clientToken": "short"},
            "Value 'short' at 'clientToken' failed to satisfy constraint: "
            "Member must have length greater than or equal to 33",
        ),
        (
            {"networkConfiguration": {"networkMode": "LAN"}},
            "Value 'LAN' at 'networkConfiguration.networkMode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [PUBLIC, VPC]",
        ),
        (
            {"lifecycleConfiguration": {"maxLifetime": 1209601}},
            "Value '1209601' at 'lifecycleConfiguration.maxLifetime' failed to satisfy constraint: "
            "Member must have value less than or equal to 1209600",
        ),
        (
            {"description": "d" * 4097},
            "Value at 'description' failed to satisfy constraint: "
            "Member must have length less than or equal to 4096",
        ),
        (
            {"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/tmp/xx"}}]},
            "Value '/tmp/xx' at 'filesystemConfigurations.1.member.sessionStorage.mountPath' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: /mnt/[a-zA-Z0-9._-]+/?",
        ),
        (
            {"environmentVariables": {"A": "v" * 5001}},
            "Value at 'environmentVariables' failed to satisfy constraint: Map value must satisfy constraint: "
            "[Member must have length less than or equal to 5000, "
            "Member must have length greater than or equal to 0, Member must not be null]",
        ),
    ],
)
def test_create_agent_runtime(changes: dict[str, Any], sentence: str) -> None:
    """CreateAgentRuntime's constraints, each broken alone, in AWS's sentence and in fieldList."""
    error = refusal(BY_NAME["CreateAgentRuntime"], RUNTIME | changes)
    assert error.message == f"1 validation error detected: {sentence}"
    assert error.reason == "FieldValidationFailed"
    field = error.fields[0]
    assert sentence.endswith(f"at '{field.name}' failed to satisfy constraint: {field.message}")


def test_all_failures_in_one_answer() -> None:
    """Every failure is counted and told, in the order of the model."""
    error = refusal(BY_NAME["CreateAgentRuntime"], RUNTIME | {"agentRuntimeName": "1", "roleArn": None})
    assert error.message == (
        "2 validation errors detected: "
        "Value '1' at 'agentRuntimeName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}; "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    )
    assert [field.name for field in error.fields] == ["agentRuntimeName", "roleArn"]


@pytest.mark.parametrize(
    ("params", "failures"),
    [
        (
            {"Limits": {"Whole": 0}},
            ["Value '0' at 'Limits.Whole': Member must have value greater than or equal to 1"],
        ),
        (
            {"Limits": {"Whole": 6}},
            ["Value '6' at 'Limits.Whole': Member must have value less than or equal to 5"],
        ),
        ({"Limits": {"Whole": True}}, ["Value 'true' at 'Limits.Whole': Member must be an integer"]),
        (
            {"Limits": {"Real": 0.4}},
            ["Value '0.4' at 'Limits.Real': Member must have value greater than or equal to 0.5"],
        ),
        (
            {"Limits": {"Real": 2}},
            ["Value '2' at 'Limits.Real': Member must have value less than or equal to 1.5"],
        ),
        (
            {"Limits": {"Data": b"1"}},
            ["Value '1 bytes' at 'Limits.Data': Member must have length greater than or equal to 2"],
        ),
        (
            {"Limits": {"Data": b"1234"}},
            ["Value '4 bytes' at 'Limits.Data': Member must have length less than or equal to 3"],
        ),
        (
            {"Limits": {"Color": "BLUE"}},
            ["Value 'BLUE' at 'Limits.Color': Member must satisfy enum value set: [RED, GREEN]"],
        ),
        (
            {"Limits": {"Name": "A"}},
            [
                "Value 'A' at 'Limits.Name': Member must satisfy regular expression pattern: [a-z]+",
                "Value 'A' at 'Limits.Name': Member must have length greater than or equal to 2",
            ],
        ),
        (
            {"Limits": {"Name": "ab\n"}},
            ["Value 'ab\n' at 'Limits.Name': Member must satisfy regular expression pattern: [a-z]+"],
        ),
        (
            {"Limits": {"Name": "abcdé"}},
            ["Value 'abcdé' at 'Limits.Name': Member must have length less than or equal to 4"],
        ),
        (
            {"Limits": {"List": []}},
            ["Value '[]' at 'Limits.List': Member must have length greater than or equal to 1"],
        ),
        (
            {"Limits": {"List": ["aa", "bb", "cc"]}},
            ["Value '[aa, bb, cc]' at 'Limits.List': Member must have length less than or equal to 2"],
        ),
        (
            {"Limits": {"List": ["aa", "B"]}},
            [f"Value '[aa, B]' at 'Limits.List': Member must satisfy constraint: {NAME}"],
        ),
        (
            {"Limits": {"List": [None]}},
            [f"Value '[null]' at 'Limits.List': Member must satisfy constraint: {NAME}"],
        ),
        (
            {"Limits": {"Map": {"K": 1}}},
            [f"Value '{{K=1}}' at 'Limits.Map': Map keys must satisfy constraint: {NAME}"],
        ),
        (
            {"Limits": {"Map": {"kk": 9}}},
            [
                "Value '{kk=9}' at 'Limits.Map': Map value must satisfy constraint: [Member must have value less than "
                "or equal to 5, Member must have value greater than or equal to 1, Member must not be null]"
            ],
        ),
        ({"Choice": {}}, ["Value at 'Choice': Member must have exactly one of [a, b]"]),
        ({"Choice": {"a": "x", "b": 1}}, ["Value at 'Choice': Member must have exactly one of [a, b]"]),
        ({"Choice": "x"}, ["Value 'x' at 'Choice': Member must be an object"]),
        (
            {"Node": {"Next": {"Next": {"Value": "Z1"}}}},
            ["Value 'Z1' at 'Node.Next.Next.Value': Member must satisfy regular expression pattern: [a-z]+"],
        ),
        (
            {"Nodes": {"key": {"Value": "ZZ"}}},
            [
                "Value 'ZZ' at 'Nodes.key.member.Value': Member must satisfy regular expression pattern: [a-z]+"
            ],
        ),
        ({"Nodes": {"key": None}}, ["Value null at 'Nodes.key.member': Member must not be null"]),
        ({"Moments": {"Plain": "x"}}, ["Value 'x' at 'Moments.Plain': Member must be a timestamp"]),
        ({"Moments": {"Plain": datetime(2025, 1, 1, tzinfo=UTC)}}, []),
        ({"Id": None}, ["Value null at 'Id': Member must not be null"]),
        (
            {"Secrets": {"mykey": {"Value": "Z1"}}},
            [
                f"Value at 'Secrets': Map keys must satisfy constraint: {NAME}",
                "Value at 'Secrets.1.member.Value': Member must satisfy regular expression pattern: [a-z]+",
            ],
        ),
    ],
)
def test_each_constraint(sink: ServiceModel, params: dict[str, Any], failures: list[str]) -> None:
    """Each kind of constraint on each kind of shape, broken: AWS's phrase, the path, the value as Java prints it."""
    operation = operations_of(sink)[0]
    expected = [failure.replace("': M", "' failed to satisfy constraint: M") for failure in failures]
    if not failures:
        validate(operation, {"Id": 1, **params})
        return
    head = "1 validation error" if len(failures) == 1 else f"{len(failures)} validation errors"
    assert refusal(operation, {"Id": 1, **params}).message == f"{head} detected: {'; '.join(expected)}"


def test_long_values_are_cut() -> None:
    """A value of more than 256 characters is shown in part."""
    error = refusal(BY_NAME["CreateAgentRuntime"], RUNTIME | {"agentRuntimeName": "n" * 5000})
    assert f"Value '{'n' * 256}…' at" in error.message


def poison(
    shape: Any, random: Random, sample: Callable[..., Any], secret: bool = False, depth: int = 0
) -> Any:
    """A value that breaks what it can, in which every character of a sensitive value is the mark's."""
    secret = secret or bool(shape.metadata.get("sensitive"))
    if depth > 7 or shape.metadata.get("document"):
        return {MARK: MARK} if secret else {"plain": "!"}
    match shape.type_name:
        case "structure":
            members = shape.members.items()
            return {name: poison(item, random, sample, secret, depth + 1) for name, item in members}
        case "list":
            times = min(int(shape.metadata.get("max", 1)) + 1, 40)
            return [poison(shape.member, random, sample, secret, depth + 1)] * times
        case "map":
            key = f"{MARK} key" if secret or shape.key.metadata.get("sensitive") else "plain key!"
            return {key: poison(shape.value, random, sample, secret, depth + 1)}
        case "string" if secret:
            longest = shape.metadata.get("max", 10**6)
            return MARK if longest > 5000 else MARK * (int(longest) // len(MARK) + 1)
        case "blob" if secret:
            return MARK.encode()
        case _ if secret:
            return MARK
        case _:
            return "~" if random.random() < 0.5 else sample(shape, random)


def has_sensitive(shape: Any, seen: tuple[str, ...] = ()) -> bool:
    """Whether a shape, or one in it, is sensitive."""
    if shape.metadata.get("sensitive"):
        return True
    if shape.name in seen:
        return False
    parts = [*getattr(shape, "members", {}).values()]
    parts += [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
    return any(has_sensitive(part, (*seen, shape.name)) for part in parts)


def test_sensitive_values_never_show(sample: Callable[..., Any]) -> None:
    """Whatever a sensitive member, or anything in one, breaks in any operation, its value is in no answer."""
    secretive = [operation for operation in OPERATIONS if has_sensitive(operation.model.input_shape)]
    answers: list[str] = []
    fields: list[str] = []
    for turn, operation in enumerate(secretive):
        params = poison(operation.model.input_shape, Random(turn), sample)
        assert MARK in str(params) or b"S3" in params.get("payload", b"")
        try:
            validate(operation, params)
        except ValidationException as error:
            answers.append(error.message)
            fields.append(str(error.fields) + str(error.members))
    assert not [answer for answer in answers + fields if MARK in answer]
    withheld = sum(answer.count("Value at '") for answer in answers)
    shown = sum(answer.count("Value '") for answer in answers)
    assert len(secretive) > 60
    assert withheld > 1000
    assert shown > 1000
