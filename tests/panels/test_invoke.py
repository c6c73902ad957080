"""The Invoke panel as a code cell and as its buttons use it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from agentcore_lab.panels import InvokePanel
from tests.panels.conftest import Until
from tests.panels.scripted import (
    ARN,
    CRASH,
    Reply,
    ScriptedEngine,
    error_reply,
    json_reply,
    stream_reply,
)
from tests.patience import eventually

Click = Callable[..., None]


def test_a_prompt_is_sent_as_aws_wants_it(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """A plain prompt goes out as {"prompt": …} on the chosen session, to the chosen endpoint."""
    panel.send("Hello Ada ☀")
    assert engine.invoked == [
        {
            "agentRuntimeArn": ARN,
            "runtimeSessionId": panel.session_id,
            "qualifier": "DEFAULT",
            "contentType": "application/json",
            "accept": "application/json, text/event-stream",
            "payload": b'{"prompt": "Hello Ada \\u2600"}',
        }
    ]


def test_a_mapping_is_the_payload_itself(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """What is not a prompt can be sent too."""
    panel.send({"question": 7})
    assert json.loads(engine.invoked[0]["payload"]) == {"question": 7}


def test_the_answer_tells_where_its_time_went_and_where_it_ran(panel: InvokePanel) -> None:
    """The engine's headers and the kernel's own measure stand beside the answer."""
    answer = panel.send("Hello")
    assert (answer.ok, answer.value) == (True, {"result": "You said: Hello", "machine": "aarch64"})
    assert (answer.figures.sandbox_start, answer.figures.agent) == (3240.0, 12.0)
    assert answer.figures.first_byte is not None
    assert answer.figures.total is not None
    assert 0 < answer.figures.first_byte <= answer.figures.total
    shown = panel.turns[-1]["answer"]
    assert (shown["architecture"], shown["version"], shown["sandbox"]) == ("aarch64 (ARM64)", "2", "docker")
    assert shown["body"] == '{\n  "result": "You said: Hello",\n  "machine": "aarch64"\n}'


def test_a_warm_sandbox_took_no_time_to_start(panel: InvokePanel) -> None:
    """The engine names a start only where there was one."""
    panel.send("first")
    assert panel.send("second").figures.sandbox_start == 0.0


def test_an_answer_without_the_engines_headers_has_no_figures_of_it(
    panel: InvokePanel, engine: ScriptedEngine
) -> None:
    """On AWS nobody tells how long a sandbox took: nothing is made up."""
    panel.send("warm up")
    engine.replies["plain"] = Reply((b"hi",), "text/plain", headers={"content-type": "text/plain"})
    answer = panel.send("plain")
    assert (answer.text, answer.figures.sandbox_start, answer.figures.agent) == ("hi", None, None)
    assert answer.architecture is None


def test_the_session_is_shown_as_it_is_afterwards(panel: InvokePanel) -> None:
    """After the answer the session is Idle and the seconds it has left are the engine's."""
    panel.send("Hello")
    (session,) = panel.sessions
    assert (session["id"], session["state"], session["idle_seconds"]) == (panel.session_id, "Idle", 900)
    assert session["ends"] == "2026-03-01T12:14:59+00:00"


def test_a_stream_is_shown_as_it_arrives(
    panel: InvokePanel, engine: ScriptedEngine, click: Click, until: Until
) -> None:
    """Each event of a stream is in the panel before the next has come."""
    go = threading.Event()
    engine.replies["count"] = stream_reply("one", lambda: go.wait(60), {"n": 2})
    click(panel, type="send", prompt="count", raw=False)
    until(panel, "waiting", lambda waiting: waiting is not None and waiting["arrived"] == "one")
    go.set()
    (turn,) = until(panel, "turns", bool)
    assert (turn["answer"]["kind"], turn["answer"]["body"]) == ("stream", 'one\n{"n": 2}')
    assert panel.waiting is None


def test_a_stream_that_ends_in_the_agents_error_failed(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """HTTP 200 went out before the generator raised: the last event tells."""
    event = {"error": "no more", "error_type": "ValueError", "message": "An error occurred during streaming"}
    engine.replies["count"] = stream_reply("one", event)
    answer = panel.send("count")
    assert answer.failure is not None
    assert (answer.failure.code, answer.failure.words) == ("ValueError", "no more")
    assert answer.text.startswith("one\n")


def test_a_stream_that_breaks_keeps_what_had_arrived(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """A connection that ends midway is a failure, not a loss."""

    def broken() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:4599")

    engine.replies["count"] = stream_reply("one", broken)
    answer = panel.send("count")
    assert answer.failure is not None
    assert answer.text == "one"


def test_a_container_that_crashed_shows_its_log(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """AWS's sentence, one of cause, one of mend, and the log's end apart."""
    engine.replies["crash"] = error_reply("RuntimeClientError", 424, CRASH)
    failure = panel.send("crash").failure
    assert failure is not None
    assert (failure.code, failure.status) == ("RuntimeClientError", 424)
    assert failure.words == CRASH.splitlines()[0]
    assert failure.cause == "The container ended, or did not become healthy in time, while it started."
    assert failure.log == tuple(CRASH.splitlines()[2:])


@pytest.mark.parametrize(
    ("error", "code", "cause"),
    [
        (
            error_reply("RuntimeClientError", 424, "Received error (500) from runtime. …").error,
            "RuntimeClientError",
            "The agent's code raised an error.",
        ),
        (
            error_reply("RuntimeClientError", 424, "Received error (400) from runtime. …").error,
            "RuntimeClientError",
            "The agent refused the payload.",
        ),
        (
            error_reply("ResourceNotFoundException", 404, "No endpoint").error,
            "ResourceNotFoundException",
            "There is no such runtime, endpoint or session.",
        ),
        (
            error_reply("SomethingNewException", 418, "?").error,
            "SomethingNewException",
            "The engine answered with SomethingNewException.",
        ),
        (
            ParamValidationError(report="Invalid length for parameter runtimeSessionId, value: 5"),
            "ParamValidationError",
            "boto3 refused the request before it was sent.",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:4599"),
            "EndpointConnectionError",
            "Nothing answers at the engine's address.",
        ),
    ],
)
def test_every_error_has_a_cause_and_a_mend(
    panel: InvokePanel, engine: ScriptedEngine, error: Exception, code: str, cause: str
) -> None:
    """Whatever boto3 raises is told in a sentence, and nothing is raised."""
    engine.replies["break"] = Reply(error=error)
    failure = panel.send("break").failure
    assert failure is not None
    assert (failure.code, failure.cause) == (code, cause)
    assert failure.mend.endswith(".")


def test_send_returns_at_once_and_the_wait_is_shown(
    panel: InvokePanel, engine: ScriptedEngine, click: Click, until: Until
) -> None:
    """While a sandbox starts, the panel says so and a second click sends nothing more."""
    go = threading.Event()
    engine.replies["slow"] = Reply((lambda: go.wait(60), b'"done"'))
    click(panel, type="send", prompt="slow", raw=False)
    until(panel, "waiting", lambda waiting: waiting is not None)
    eventually(lambda: [each["state"] for each in panel.state()["sessions"]] == ["Provisioning"])
    click(panel, type="send", prompt="again", raw=False)
    go.set()
    until(panel, "turns", bool)
    assert len(engine.invoked) == 1


def test_sessions_keep_their_own_turns(panel: InvokePanel, click: Click) -> None:
    """A new session has a fresh id that AWS accepts, and turns of its own, numbered from one."""
    panel.send("first")
    first = panel.session_id
    click(panel, type="new")
    second = panel.session_id
    assert len(second) >= 33
    panel.send("second")
    panel.send("third", session_id=first)
    told = [(turn["session_id"], turn["number"], turn["prompt"]) for turn in panel.turns]
    assert told == [(first, 1, "first"), (second, 1, "second"), (first, 2, "third")]
    assert panel.session_id == first


def test_a_living_session_is_chosen_first(engine: ScriptedEngine) -> None:
    """A panel opened on a runtime that is already talked to goes on with its latest session."""
    engine.see("a" * 33, "Terminated", reason="stopped")
    engine.see("b" * 33, "Idle")
    panel = InvokePanel(engine.source, ARN)
    assert panel.session_id == "b" * 33
    assert [(each["id"][0], each["state"]) for each in panel.sessions] == [("b", "Idle"), ("a", "Terminated")]


def test_a_session_that_began_again_is_one_row(engine: ScriptedEngine) -> None:
    """Its living sandbox, whatever an earlier one of the same id ended of."""
    engine.see("a" * 33, "Terminated", reason="idle", sandbox="one")
    engine.see("a" * 33, "Idle", sandbox="two")
    panel = InvokePanel(engine.source, ARN)
    assert [(each["state"], each["reason"]) for each in panel.sessions] == [("Idle", None)]


def test_the_endpoint_is_picked_from_the_runtimes_own(
    panel: InvokePanel, engine: ScriptedEngine, click: Click
) -> None:
    """All endpoints are offered with the version they serve, and the picked one is invoked."""
    assert [(each["name"], each["version"]) for each in panel.endpoints] == [("DEFAULT", "2"), ("prod", "1")]
    click(panel, type="endpoint", qualifier="prod")
    panel.send("Hello")
    assert engine.invoked[0]["qualifier"] == "prod"
    engine.serves(DEFAULT="3", prod="2", canary="3")
    assert [each["name"] for each in panel.state()["endpoints"]] == ["DEFAULT", "prod", "canary"]


def test_stopping_ends_the_session(panel: InvokePanel, click: Click, until: Until) -> None:
    """The session is Terminated, with the reason, and the panel says that it was done."""
    panel.send("Hello")
    click(panel, type="stop")
    until(panel, "notice", lambda notice: notice == {"tone": "done", "text": "The session was stopped."})
    (session,) = panel.state()["sessions"]
    assert (session["state"], session["reason"]) == ("Terminated", "stopped")


def test_stopping_what_is_not_there_says_why(panel: InvokePanel) -> None:
    """AWS: an unknown session is not found."""
    panel.stop_session()
    assert panel.notice["tone"] == "failed"
    assert "ResourceNotFoundException" in panel.notice["text"]


def test_its_text_has_neither_ids_nor_times(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """An executed notebook compares equal to the stored one."""
    assert repr(panel) == "InvokePanel(runtime 'hello_agent', endpoint DEFAULT, no answer yet)"
    engine.replies["hi"] = json_reply(
        {"result": "Hello Ada, I am running on a machine of my own, an aarch64 one."}
    )
    panel.send("hi")
    text = (
        "InvokePanel(runtime 'hello_agent', endpoint DEFAULT, "
        "last answer: Hello Ada, I am running on a machine of my own,…)"
    )
    assert repr(panel) == text
    data, _metadata = panel._repr_mimebundle_() or ({}, {})
    assert dict(data)["text/plain"] == text
    assert "application/vnd.jupyter.widget-view+json" in data


def test_an_answers_text_is_short_and_stable(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """A cell that ends in an answer shows what it says; an object without a telling member, its members."""
    engine.replies["facts"] = json_reply({"pid": 4711, "uptime": 3.2})
    engine.replies["crash"] = error_reply("RuntimeClientError", 424, CRASH)
    assert repr(panel.send("Hello")) == "Answer(You said: Hello)"
    assert repr(panel.send("facts")) == "Answer(JSON object with pid, uptime)"
    assert repr(panel.send("crash")).startswith("Answer(RuntimeClientError: The container ended")


def test_a_very_long_answer_stays_out_of_the_browser(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """The panel shows its beginning and says how much more there is; the cell has all of it."""
    engine.replies["long"] = json_reply("x" * 50_000)
    answer = panel.send("long")
    assert len(answer.value) == 50_000
    shown: dict[str, Any] = panel.turns[-1]["answer"]
    assert (len(shown["body"]), shown["left_out"]) == (20_000, 30_000)


def test_an_arn_of_something_else_is_refused(engine: ScriptedEngine) -> None:
    """A mistake is told where it is made."""
    with pytest.raises(ValueError, match="not the ARN of an agent runtime"):
        InvokePanel(engine.source, "hello_agent")
