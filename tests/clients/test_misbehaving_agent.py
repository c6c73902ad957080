"""Real containers that do everything wrong: what becomes of each fault at the caller's end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ResponseStreamingError
from urllib3.exceptions import HTTPError

from tests.clients.stage import Deployed, Stage, eventually, new_session_id
from tests.runtime.test_control_plane import create, refusal, settled


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """misbehaving-agent, READY, because it behaves until it is asked not to."""
    with stage.deployed("misbehaving-agent") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def session_id() -> str:
    """The session of all faults that leave the container alive."""
    return new_session_id()


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_status_of_the_container_is_a_424(agent: Deployed, session_id: str, status: int) -> None:
    """Whatever the agent refuses with, the caller sees RuntimeClientError, and the agent's status and words in it."""
    asked = {"fault": "status", "code": status}
    code, http, message, _ = refusal(lambda: agent.invoke(asked, runtimeSessionId=session_id))
    assert (code, http) == ("RuntimeClientError", 424)
    assert message.startswith(f"Received error ({status}) from runtime.")
    assert '{"error": "as asked"}' in message


@pytest.mark.parametrize("fault", ["garbage", "no-answer"])
def test_what_is_no_answer_at_all_is_a_424(agent: Deployed, session_id: str, fault: str) -> None:
    """A container that speaks no HTTP, or hangs up, is reported as what it is; its session lives on."""
    code, http, message, _ = refusal(lambda: agent.invoke({"fault": fault}, runtimeSessionId=session_id))
    assert (code, http) == ("RuntimeClientError", 424)
    assert message.startswith("Received error (500) from runtime.")
    assert "The container broke off the connection" in message
    assert agent.ask({}, runtimeSessionId=session_id) == {"fault": "none"}


def test_a_redirect_leads_nowhere(agent: Deployed, session_id: str) -> None:
    """The engine does not fetch what a container points at, such as another machine's credentials."""
    code, _, message, _ = refusal(lambda: agent.invoke({"fault": "redirect"}, runtimeSessionId=session_id))
    assert code == "RuntimeClientError"
    assert "redirects are not followed" in message


@pytest.mark.parametrize("fault", ["half-body", "short-body"])
def test_an_answer_cut_short_is_seen_to_be_cut_short(agent: Deployed, session_id: str, fault: str) -> None:
    """What came is delivered, then the connection breaks: no caller takes it for the whole answer."""
    answer = agent.invoke({"fault": fault}, runtimeSessionId=session_id)
    assert broken_off(answer) is True


def test_a_crash_in_the_middle_breaks_the_answer_and_ends_the_session(agent: Deployed) -> None:
    """The caller's connection breaks; the session's record says how the container ended; the next call starts anew."""
    session_id = new_session_id()
    assert broken_off(agent.invoke({"fault": "crash", "code": 3}, runtimeSessionId=session_id)) is True
    eventually(lambda: ended(agent, session_id))
    assert agent.session(session_id)["exitCode"] == 3
    assert agent.ask({}, runtimeSessionId=session_id) == {"fault": "none"}


def test_an_exit_without_a_word_is_a_424(agent: Deployed) -> None:
    """The session's record has the exit code and the container's last words."""
    session_id, asked = new_session_id(), {"fault": "exit-at-once", "code": 7}
    code, http, message, _ = refusal(lambda: agent.invoke(asked, runtimeSessionId=session_id))
    assert (code, http) == ("RuntimeClientError", 424)
    assert message.startswith("Received error (500) from runtime.")
    eventually(lambda: ended(agent, session_id))
    assert agent.session(session_id)["exitCode"] == 7
    assert agent.logged(session_id, "asked for {'fault': 'exit-at-once', 'code': 7}")


def test_a_late_answer_is_waited_for(agent: Deployed, session_id: str) -> None:
    """Seconds are nothing: AWS waits 15 minutes."""
    asked = {"fault": "slow-headers", "seconds": 2}
    assert agent.ask(asked, runtimeSessionId=session_id) == {"fault": "none"}


def test_an_answer_a_byte_too_large_is_refused(agent: Deployed, session_id: str) -> None:
    """A hundred million bytes pass, one more breaks the answer off."""
    fits = agent.invoke({"fault": "huge", "bytes": 1_000_000}, runtimeSessionId=session_id)
    assert sum(len(piece) for piece in fits["response"].iter_chunks(65536)) == 1_000_000
    too_large = agent.invoke({"fault": "huge"}, runtimeSessionId=session_id)
    assert broken_off(too_large) is True


def test_a_stream_without_an_end_ends_with_its_reader(agent: Deployed) -> None:
    """The container learns that nobody listens any more."""
    session_id = new_session_id()
    answer = agent.invoke({"fault": "endless", "interval": 0.02}, runtimeSessionId=session_id)
    lines = answer["response"].iter_lines(chunk_size=1)
    assert [line for _, line in zip(range(5), lines, strict=False) if line] == [
        b'data: {"event": 1}',
        b'data: {"event": 2}',
        b'data: {"event": 3}',
    ]
    answer["response"].close()
    eventually(lambda: agent.logged(session_id, "the client left after"))


def test_an_event_that_never_ends_is_relayed_as_it_is(agent: Deployed, session_id: str) -> None:
    """Bytes are bytes: nothing is added to a stream that ends in the middle of an event."""
    answer = agent.invoke({"fault": "unended-event"}, runtimeSessionId=session_id)
    assert answer["response"].read() == b'data: {"event": 1}\n\ndata: {"event": 2}'


def test_a_content_type_is_believed(agent: Deployed, session_id: str) -> None:
    """What the container says its answer is, the caller is told."""
    answer = agent.invoke({"fault": "wrong-type", "type": "image/png"}, runtimeSessionId=session_id)
    assert (answer["contentType"], answer["response"].read()) == ("image/png", b'{"fault": "none"}')


def test_an_agent_that_turns_unhealthy_loses_its_session(agent: Deployed) -> None:
    """After three failed health checks the session ends, and says why."""
    session_id = new_session_id()
    agent.ask({"fault": "unhealthy"}, runtimeSessionId=session_id)
    eventually(lambda: ended(agent, session_id))
    assert agent.session(session_id)["reason"] == "unhealthy"


def test_an_agent_that_ignores_sigterm_is_ended_all_the_same(agent: Deployed) -> None:
    """StopRuntimeSession waits the time AWS gives, then kills; another session of that id can start."""
    session_id = new_session_id()
    agent.ask({"fault": "ignore-sigterm"}, runtimeSessionId=session_id)
    agent.aws.data.stop_runtime_session(agentRuntimeArn=agent.arn, runtimeSessionId=session_id)
    assert ended(agent, session_id)
    assert agent.ask({}, runtimeSessionId=session_id) == {"fault": "none"}


def test_an_agent_that_exits_at_its_start_fails_its_version(stage: Stage) -> None:
    """The runtime's failure reason ends with the container's last words."""
    created = create(
        stage.aws, "exits_at_start", stage.build("misbehaving-agent"), environmentVariables={"START": "exits"}
    )
    runtime = settled(stage.aws, created["agentRuntimeId"])
    stage.aws.control.delete_agent_runtime(agentRuntimeId=created["agentRuntimeId"])
    assert runtime["status"] == "CREATE_FAILED"
    assert runtime["failureReason"].endswith("cannot start, as asked")


def ended(agent: Deployed, session_id: str) -> bool:
    """Whether the session's last incarnation has ended."""
    return bool(agent.session(session_id)["state"] == "Terminated")


def broken_off(answer: dict[str, Any]) -> bool:
    """Whether reading an answer to its end fails, as botocore or urllib3 tell it."""
    try:
        for _ in answer["response"].iter_chunks(65536):
            pass
    except (ResponseStreamingError, HTTPError):
        return True
    return False
