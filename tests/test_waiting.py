"""Waiting from a notebook: for a session's state, for an endpoint."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agentcore_lab.lab import Lab, NotSettled
from agentcore_lab.testing import FakeClock
from agentcore_lab.waiting import wait_for
from tests.conftest import Clients
from tests.runtime.test_control_plane import update
from tests.runtime.test_invocations import invoke, ready


def test_a_sessions_end_is_waited_for(lab: Lab, aws: Clients, clock: FakeClock) -> None:
    """What it is then has reason and detail; why it ended needs no look into facts."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    alive = lab.session(session_id).wait("Idle", "Active")
    assert (alive.version, alive.reason, alive.detail) == ("1", None, None)
    lab.clock.advance(minutes=15)
    ended = alive.wait("Terminated")
    assert (ended.reason, ended.detail) == ("idle", "No call and no change of status for 900 s.")


def test_what_does_not_come_about_is_told(lab: Lab, aws: Clients) -> None:
    """With the state that was seen last; a state that does not exist is told at once."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    session = lab.session(session_id)
    with pytest.raises(NotSettled, match=r"^The session was still Idle after 0\.05 s\. Wait for it again\.$"):
        session.wait("Terminated", timeout=0.05)
    wrong: Any = "terminated"
    with pytest.raises(ValueError, match="terminated: a session is Provisioning, Active, Idle, Terminated"):
        session.wait(wrong)


def test_an_endpoint_is_waited_for(lab: Lab, aws: Clients) -> None:
    """Until it serves the version that is wanted."""
    runtime_id = ready(aws).rpartition("/")[2]
    update(aws, runtime_id)
    lab.wait_until_settled(runtime_id)
    aws.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="prod", agentRuntimeVersion="1")
    assert lab.wait_for_endpoint(runtime_id, "prod")["liveVersion"] == "1"
    aws.control.update_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName="prod", agentRuntimeVersion="2"
    )
    assert lab.wait_for_endpoint(runtime_id, "prod", "2")["liveVersion"] == "2"
    with pytest.raises(
        NotSettled, match=r"^Endpoint prod was still READY, version 2, after 0 s\. Wait for it again\.$"
    ):
        lab.wait_for_endpoint(runtime_id, "prod", "1", timeout=0)


def test_the_first_look_may_do() -> None:
    """Nothing is waited for that has come about."""
    assert wait_for(lambda: 7, lambda seen: seen == 7, 0, str) == 7
