"""What is, as boto3 and the engine's own list tell it, in the words of the model; and what should be, in the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.conftest import Clients
from tests.runtime.model.expected import ExpectedRuntime, ExpectedSession

Key = tuple[str, str]
"""A session: its runtime's ARN, and its id."""

Facts = dict[str, Any]


def key_of(session: Mapping[str, Any]) -> Key:
    """What the model knows a session by."""
    return session["agentRuntimeArn"], session["sessionId"]


def runtime_as_it_is(aws: Clients, runtime_id: str) -> Facts:
    """A runtime, its versions and its endpoints, by the control plane's own calls."""
    runtime = aws.control.get_agent_runtime(agentRuntimeId=runtime_id)
    pages = aws.control.get_paginator("list_agent_runtime_versions").paginate(agentRuntimeId=runtime_id)
    endpoints = aws.control.list_agent_runtime_endpoints(agentRuntimeId=runtime_id)["runtimeEndpoints"]
    return {
        "status": runtime["status"],
        "version": runtime["agentRuntimeVersion"],
        "told why": "failureReason" in runtime,
        "versions": [
            (each["agentRuntimeVersion"], each["status"]) for page in pages for each in page["agentRuntimes"]
        ],
        "endpoints": {
            each["name"]: (each["status"], each.get("liveVersion"), each.get("targetVersion"))
            for each in endpoints
        },
    }


def runtime_as_it_should_be(runtime: ExpectedRuntime) -> Facts:
    """The same of the model."""
    return {
        "status": runtime.status,
        "version": str(runtime.latest),
        "told why": runtime.status.endswith("FAILED"),
        "versions": [
            (str(number), runtime.versions[number].status) for number in sorted(runtime.versions)[::-1]
        ],
        "endpoints": {
            name: (each.status, str(each.live) if each.live else None, str(each.target))
            for name, each in runtime.endpoints.items()
        },
    }


def runtimes_as_they_are(aws: Clients) -> Facts:
    """All runtimes there are: the latest version of each, and its status."""
    pages = aws.control.get_paginator("list_agent_runtimes").paginate()
    listed = [each for page in pages for each in page["agentRuntimes"]]
    return {each["agentRuntimeArn"]: (each["agentRuntimeVersion"], each["status"]) for each in listed}


def runtimes_as_they_should_be(runtimes: Mapping[str, ExpectedRuntime]) -> Facts:
    """The same of the model."""
    return {arn: (str(each.latest), each.versions[each.latest].status) for arn, each in runtimes.items()}


def session_as_it_is(session: Mapping[str, Any]) -> Facts:
    """A living session by the engine's list."""
    return {
        "state": session["state"],
        "version": int(session["agentRuntimeVersion"]),
        "calls": session["inFlight"],
        "created": datetime.fromisoformat(session["createdAt"]),
        "ends": (datetime.fromisoformat(session["endsAt"]), session["endsBecause"]),
        "reason": session["reason"],
    }


def session_as_it_should_be(session: ExpectedSession) -> Facts:
    """The same of the model."""
    return {
        "state": session.state,
        "version": session.version,
        "calls": session.calls,
        "created": session.created_at,
        "ends": session.ends(),
        "reason": None,
    }


def differences(is_: Mapping[Any, Any], should: Mapping[Any, Any], what: str) -> list[str]:
    """A line for everything on which the two differ."""
    keys = [key for key in {**is_, **should} if is_.get(key) != should.get(key)]
    return [f"{what} {key}: is {is_.get(key)}, should be {should.get(key)}" for key in keys]
