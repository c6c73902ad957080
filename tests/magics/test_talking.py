"""``%invoke``, ``%sessions``, ``%logs``, ``%clock``: what they send, give back, complete and refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web

from agentcore_lab.magics.options import (
    Parser,
    agent_parser,
    clock_parser,
    invoke_parser,
    logs_parser,
    sessions_parser,
)
from agentcore_lab.panels.views import SessionList
from agentcore_lab.testing import Script
from tests.magics.conftest import Notebook, ScriptedBuilder

AGENT = "%%agent hello --endpoint prod\nprint('an agent')\n"


@pytest.fixture
def talking(notebook: Notebook) -> Notebook:
    """A notebook with an agent ``hello`` that echoes its payload."""
    notebook.value(AGENT)
    return notebook


@pytest.mark.parametrize(
    ("line", "payload"),
    [
        ('%invoke hello {"prompt": "Ada Lovelace"}', {"prompt": "Ada Lovelace"}),
        ('%invoke hello {"prompt": question, "n": [1, {"a": 2}]}', {"prompt": "Why?", "n": [1, {"a": 2}]}),
        ("%invoke hello [1, 2]", [1, 2]),
        ("%invoke hello What is your name", {"prompt": "What is your name"}),
        ("%invoke hello What is your name?", {"prompt": "What is your name?"}),
        ("%invoke hello 'It is quoted'", {"prompt": "It is quoted"}),
        ("%invoke hello It's fine", {"prompt": "It's fine"}),
        ('%invoke --endpoint prod hello {"prompt": "--session"}', {"prompt": "--session"}),
        ("answer = %invoke hello $question\nanswer", {"prompt": "Why?"}),
    ],
)
def test_the_payload_is_json_python_or_words(talking: Notebook, line: str, payload: Any) -> None:
    """What stands on the line is what the agent gets."""
    talking.value("question = 'Why?'")
    assert talking.value(line).value == payload


def test_a_conversation_stays_in_one_session(talking: Notebook) -> None:
    """Until another is asked for, or the agent is another version."""
    first = talking.value("%invoke hello a").session_id
    assert talking.value("%invoke hello b").session_id == first
    second = talking.value("%invoke hello c --session new").session_id
    assert second != first
    assert talking.value("%invoke hello d").session_id == second
    assert talking.value(f"%invoke hello e --session {first[:9]}").session_id == first
    assert talking.value(f"%invoke hello f --session {'x' * 33}").session_id == "x" * 33
    talking.value(AGENT.replace("an agent", "another"))
    assert talking.value("%invoke hello g").version == "2"


def test_a_stream_is_printed_as_it_arrives(notebook: Notebook, builder: ScriptedBuilder) -> None:
    """--stream prints each event; the answer holds them all."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in ("one", {"n": 2}):
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        return response

    builder.script = Script(answer=stream)
    notebook.value(AGENT)
    cell = notebook.run("%invoke hello count --stream")
    assert cell.value.value == ["one", {"n": 2}]
    assert 'one\n{"n": 2}\n' in cell.printed


def test_an_agent_that_fails_is_an_error_with_its_log(notebook: Notebook, builder: ScriptedBuilder) -> None:
    """A notebook that is executed stops there; a person reads cause, mend and log."""

    async def fail(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "boom"}, status=500)

    entry = {
        "level": "ERROR",
        "message": "Invocation failed",
        "stackTrace": ['  File "site-packages/x.py"', "ValueError: boom"],
    }
    builder.script = Script(answer=fail, log=(json.dumps(entry),))
    notebook.value(AGENT)
    told = notebook.refused("%invoke hello a")
    assert "InvocationFailed\x1b[0m: The agent's code raised an error. " in told
    assert "ERROR Invocation failed\n  ValueError: boom" in told
    assert "site-packages" not in told


def test_sessions_are_listed(talking: Notebook) -> None:
    """All, or a runtime's; as text the same whatever their ids."""
    assert repr(talking.value("%sessions")) == "No sessions"
    talking.value("%invoke hello a")
    talking.value("%invoke hello b --session new")
    listed = talking.value("%sessions hello")
    assert isinstance(listed, SessionList)
    assert repr(listed) == "2 sessions: 2 Idle"
    assert "ends in 15:00 unless invoked" in str(listed)
    talking.value("%clock advance 15m")
    assert {view.reason for view in talking.value("%sessions")} <= {"idle", None}


def test_logs_are_a_sessions_or_the_latest_of_a_runtime(talking: Notebook) -> None:
    """By name, by id or by the beginning of one."""
    session_id = talking.value("%invoke hello a").session_id
    assert repr(talking.value("%logs hello -n 2")) == "second line\nthird line"
    assert talking.value(f"%logs {session_id[:8]}").lines == ("first line", "second line", "third line")


def test_the_clock_is_shown_and_set_ahead(talking: Notebook) -> None:
    """Its text does not tell the time, which differs from run to run."""
    assert repr(talking.value("%clock")) == "LabClock(the time of the machine)"
    advanced = talking.value("%clock advance 1h30m")
    assert repr(advanced) == "LabClock(1:30:00 ahead of the machine; agents keep real time)"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "%invoke nobody hi",
            "There is no agent runtime 'nobody'. There are: hello. `%%agent nobody` makes one.",
        ),
        ("%invoke hello", 'Say something to hello: `%invoke hello {"prompt": "Hello"}`.'),
        ("%invoke", "%invoke: the following arguments are required: NAME"),
        ("%invoke hello {oops", '{oops is neither JSON nor Python: write {"prompt": "Hello"}.'),
        ("%invoke hello {1, 2}", "The payload {1, 2} cannot be sent as JSON"),
        ("%invoke hello {'a': nowhere}", "name 'nowhere' is not defined"),
        ('%invoke hello words {"prompt": "x"}', "'words' stands beside the payload"),
        ("%invoke hello a --session alice", "AWS's session ids have 33 characters or more"),
        ("%invoke hello a --endpoint nope", "There is no such runtime, endpoint or session."),
        ("%logs nope", "There is no session and no agent runtime 'nope'."),
        ("%logs hello", "hello has had no session yet."),
        ("%logs hello -n none", "'none' is no number of lines"),
        ("%clock advance", "How far? Write `%clock advance 15m`."),
        ("%clock advance soon", "'soon' is no duration: write 90s, 15m, 8h, 2d or 1h30m."),
        ("%clock back", "invalid choice: 'back'"),
        ("%clock advance 500d", "Send {"),
        ("%sessions nobody", "There is no agent runtime 'nobody'."),
    ],
)
def test_bad_input_is_one_sentence(talking: Notebook, line: str, words: str) -> None:
    """No traceback, and what can be written instead."""
    assert words in talking.refused(line)


def test_tab_offers_what_can_stand_there(talking: Notebook) -> None:
    """Names, sessions, endpoints, options."""
    session_id = talking.value("%invoke hello a").session_id
    assert talking.completed("%invoke he") == ["hello"]
    assert talking.completed("%%agent hel") == ["hello"]
    assert talking.completed("%sessions he") == ["hello"]
    assert talking.completed(f"%logs {session_id[:5]}") == [session_id]
    assert talking.completed("%invoke hello --session ") == ["new", session_id]
    assert talking.completed("%invoke hello --endpoint ") == ["DEFAULT", "prod"]
    assert talking.completed("%invoke hello --str") == ["--stream"]
    assert talking.completed("%%agent hello --protocol ") == ["HTTP", "MCP", "A2A", "AGUI"]
    assert talking.completed("%clock ad") == ["advance"]


@pytest.mark.parametrize(
    "parser", [agent_parser(), invoke_parser(), sessions_parser(), logs_parser(), clock_parser()]
)
def test_every_option_is_explained(notebook: Notebook, parser: Parser) -> None:
    """``%invoke?`` and its like name all that can be written."""
    kind = "cell" if parser.magic.startswith("%%") else "line"
    explained = notebook.shell.magics_manager.magics[kind][parser.prog].__doc__
    assert parser.magic in explained
    assert all(option in explained for option in parser.options())


def test_each_shows_the_code_it_ran(talking: Notebook) -> None:
    """Without ids in the text; --show prints all of it."""
    (hint,) = talking.run("%invoke hello a").displayed
    assert hint.data["text/plain"] == "boto3: data.invoke_agent_runtime"
    assert 'payload=b\'{"prompt": "a"}\'' in talking.run("%invoke hello a --show").printed
    (hint,) = talking.run("%clock advance 1m").displayed
    assert hint.data["text/plain"] == "Python: lab.clock.advance"


def test_the_extension_can_be_taken_away(talking: Notebook) -> None:
    """And loaded again, as often as one likes."""
    talking.value("%reload_ext agentcore_lab")
    assert talking.completed("%invoke he") == ["hello"]
    talking.value("%unload_ext agentcore_lab")
    assert talking.completed("%invoke he") == []
    assert "not found" in str(talking.run("%invoke hello a").error)
    talking.value("%load_ext agentcore_lab")
    assert talking.value("%invoke hello a").ok


def test_an_error_of_aws_stays_boto3s_own(talking: Notebook) -> None:
    """The learner's call fails as it does on AWS; nothing of the kit stands in its traceback."""
    cell = talking.run("lab.control.delete_agent_runtime(agentRuntimeId='nope-aB3dE5fG7h')")
    assert type(cell.error).__name__ == "ResourceNotFoundException"
    assert "botocore" in cell.printed
    assert "agentcore_lab" not in cell.printed


def test_the_engine_does_without_ipython() -> None:
    """Importing the package, as the engine and the command line do, imports no notebook."""
    code = "import sys, agentcore_lab, agentcore_lab.server.serve; sys.exit('IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
