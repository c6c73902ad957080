"""Routing: one operation for a method and a raw path, whatever the spelling of the path."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from agentcore_lab.wire.models import load_model_operations, load_operations
from agentcore_lab.wire.router import Router

OPERATIONS = load_operations()
ROUTER = Router(OPERATIONS)
ARN = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/my-AAAAAAAAAA"


def test_no_two_operations_are_ambiguous() -> None:
    """All operations of both services stand in one tree; the same one twice does not."""
    assert len(OPERATIONS) == len({(operation.service, operation.name) for operation in OPERATIONS})
    with pytest.raises(ValueError, match="CreateAgentRuntime and CreateAgentRuntime share PUT"):
        Router([*OPERATIONS, next(item for item in OPERATIONS if item.name == "CreateAgentRuntime")])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_trailing_slash_or_none(operation) -> None:  # type: ignore[no-untyped-def]
    """Both forms of every operation's path reach it, with the same labels."""
    bare = operation.uri_template.rstrip("/").replace("{", "x-").replace("}", "")
    with_slash, without = ROUTER.match(operation.method, bare + "/"), ROUTER.match(operation.method, bare)
    assert with_slash is not None
    assert with_slash == without
    assert with_slash.operation is operation


@pytest.mark.parametrize(
    ("method", "path", "operation", "label"),
    [
        ("POST", "/runtimes/{}/invocations", "InvokeAgentRuntime", "agentRuntimeArn"),
        ("POST", "/runtimes/{}/invocations/", "InvokeAgentRuntime", "agentRuntimeArn"),
        ("POST", "/runtimes/{}/stopruntimesession", "StopRuntimeSession", "agentRuntimeArn"),
        ("POST", "/runtimes/{}/commands", "InvokeAgentRuntimeCommand", "agentRuntimeArn"),
        ("GET", "/runtimes/{}/invocations/.well-known/agent-card.json", "GetAgentCard", "agentRuntimeArn"),
        ("GET", "/tags/{}", "ListTagsForResource", "resourceArn"),
        ("DELETE", "/resourcepolicy/{}", "DeleteResourcePolicy", "resourceArn"),
    ],
)
@pytest.mark.parametrize("spelling", [quote(ARN, safe=""), quote(ARN, safe="/"), quote(ARN, safe=":"), ARN])
def test_arn_in_any_encoding(method: str, path: str, operation: str, label: str, spelling: str) -> None:
    """An ARN is one label, its colons and slashes encoded or not."""
    match = ROUTER.match(method, path.format(spelling))
    assert match is not None
    assert match.operation.name == operation
    assert match.labels == {label: ARN}


def test_longer_arns_keep_their_slashes() -> None:
    """An endpoint's ARN, which has three slashes, is told apart at the end of a path."""
    match = ROUTER.match("GET", f"/tags/{ARN}/runtime-endpoint/DEFAULT")
    assert match is not None
    assert match.labels == {"resourceArn": f"{ARN}/runtime-endpoint/DEFAULT"}


def test_labels_are_decoded_once() -> None:
    """A label holds what the caller put in, be it a slash, a percent sign or another script."""
    name = "a/b%2Fc 猫"
    match = ROUTER.match("GET", f"/harnesses/{quote(name, safe='')}")
    assert match is not None
    assert match.labels == {"harnessId": name}


def test_fixed_segments_beat_labels() -> None:
    """`create` is CreateEvaluator's own segment, and an evaluator's id only where no operation is called so."""
    create = ROUTER.match("POST", "/evaluators/create")
    delete = ROUTER.match("DELETE", "/evaluators/create")
    assert create is not None
    assert (create.operation.name, create.labels) == ("CreateEvaluator", {})
    assert delete is not None
    assert (delete.operation.name, delete.labels) == ("DeleteEvaluator", {"evaluatorId": "create"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/nothing"),
        ("GET", "/runtimes/"),
        ("POST", "/runtimes//invocations"),
        ("PUT", "/runtimes//"),
        ("POST", f"/runtimes/{ARN}/invocations/more"),
        ("POST", "/runtimes/a/b/invocations"),
        ("post", "/runtimes/"),
    ],
)
def test_no_operation(method: str, path: str) -> None:
    """Other methods, other paths, empty labels and slashes outside an ARN are no operation."""
    assert ROUTER.match(method, path) is None


def test_bedrock_runtime_has_paths_of_its_own() -> None:
    """On one port no path of bedrock-runtime is taken for one of AgentCore's."""
    agentcore, model = Router(OPERATIONS), Router(load_model_operations())
    for operation in load_model_operations():
        path = re.sub(r"\{\w+\+?\}", "arn%3Aaws%3Abedrock%3Aus-west-2%3A%3Ax%2Fy", operation.uri_template)
        assert agentcore.match(operation.method, path) is None
        found = model.match(operation.method, path)
        assert found is not None
        assert found.operation is operation
