"""Live panels on a real engine with scripted agents: what they show, what they send, what they cost."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.panels import Dashboard, HealthPanel, LogsPanel, SessionsPanel, VersionsPanel
from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.feed import Feed
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.versions import differences, moves
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import settled, update
from tests.runtime.test_invocations import invoke, ready, scripted

Click = Callable[..., None]
THREAD = "agentcore-lab feed"


@pytest.fixture
def source(aws: Clients, engine: RunningEngine) -> Source:
    """What panels of the running engine are made from."""
    return Source(Feed(engine.api), {"data": aws.data, "control": aws.control}, engine.send)


@pytest.fixture
def panels() -> Iterator[list[LivePanel]]:
    """Panels to be closed at the end."""
    made: list[LivePanel] = []
    yield made
    for panel in made:
        panel.close()


@pytest.fixture
def click() -> Click:
    """What the browser's script sends when a person acts."""

    def message(panel: LivePanel, **content: Any) -> None:
        panel._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    return message


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What panels sent to their pages."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(LivePanel, "send", lambda _panel, content: sent.append(content))
    return sent


def changes(told: list[dict[str, Any]], name: str) -> list[Any]:
    """What was told of one thing, in order."""
    return [message[name] for message in list(told) if message["type"] == "changes" and name in message]


def test_a_session_is_shown_from_start_to_end(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """A page that looks is told each change at once; the whole state follows for those who come later."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    panel = SessionsPanel(source, arn)
    panels.append(panel)
    assert panel.sessions == []
    click(panel, type="hello")
    assert told[-1]["type"] == "clock"
    invoke(aws, arn, runtimeSessionId=session_id)
    eventually(lambda: any(row["state"] == "Idle" for rows in changes(told, "sessions") for row in rows))
    (row,) = changes(told, "sessions")[-1]
    assert (row["session_id"], row["version"], row["endpoint"], row["because"]) == (
        session_id,
        "1",
        "DEFAULT",
        "idle",
    )
    click(panel, type="stop", id=row["id"])
    eventually(lambda: changes(told, "sessions")[-1][0]["state"] == "Terminated")
    eventually(lambda: panel.notice == {"tone": "done", "text": f"Session {session_id[:8]} was stopped."})
    eventually(lambda: [each["state"] for each in panel.sessions] == ["Terminated"])
    assert f"{session_id[:8]}" in str(panel)
    assert repr(panel) == "SessionsPanel(runtime 'hello_agent')"


def test_what_a_click_does_can_be_copied(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """The code is the very call; running it does what the button does."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    panel = SessionsPanel(source)
    panels.append(panel)
    click(panel, type="copy", what="stop", id=panel.sessions[0]["id"])
    code = told[-1]["code"]
    assert "client.stop_runtime_session(" in code
    assert f'runtimeSessionId="{session_id}"' in code
    compile(code, "copied", "exec")


def test_a_panel_nobody_looks_at_is_told_nothing_but_its_state(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """Pages that are gone cost no messages; the state is still kept for a page that comes back."""
    arn = ready(aws)
    panel = SessionsPanel(source, arn)
    panels.append(panel)
    click(panel, type="hello")
    click(panel, type="bye")
    invoke(aws, arn)
    eventually(lambda: len(panel.sessions) == 1)
    assert changes(told, "sessions") == []


def test_sessions_of_other_runtimes_are_not_shown(
    aws: Clients, source: Source, panels: list[LivePanel]
) -> None:
    """A panel of one runtime shows that; a panel of all shows all."""
    one, two = ready(aws, name="one"), ready(aws, name="two")
    invoke(aws, one)
    invoke(aws, two)
    panels += [SessionsPanel(source, one), SessionsPanel(source)]
    assert [row["runtime"] for row in panels[0].state()["sessions"]] == ["one"]
    assert [row["runtime"] for row in panels[1].state()["sessions"]] == ["one", "two"]


def test_all_panels_share_one_thread_which_ends_with_the_last(aws: Clients, source: Source) -> None:
    """However many panels: one connection; none open: none."""
    before = [thread.name for thread in threading.enumerate()].count(THREAD)
    made = [SessionsPanel(source), VersionsPanel(source), HealthPanel(source)]
    names = [thread.name for thread in threading.enumerate()]
    assert names.count(THREAD) == before + 1
    for panel in made:
        panel.close()
    eventually(lambda: [thread.name for thread in threading.enumerate()].count(THREAD) == before)


def test_an_endpoint_is_moved_and_rolled_back(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """Create, move, back, with every transition as it happens."""
    runtime = ready(aws).rpartition("/")[2]
    update(aws, runtime)
    settled(aws, runtime)
    panel = VersionsPanel(source)
    panels.append(panel)
    click(panel, type="hello")
    assert [each["version"] for each in panel.runtimes[0]["versions"]] == ["2", "1"]

    def serves(version: str) -> bool:
        told_of = [each for each in changes(told, "runtimes")[-1:] for each in each]
        return any(
            (flag["name"], flag["liveVersion"], flag["status"]) == ("prod", version, "READY")
            for each in told_of
            for flag in each["endpoints"]
        )

    click(panel, type="create", runtime=runtime, endpoint="prod", version="2")
    eventually(lambda: serves("2"))
    click(panel, type="move", runtime=runtime, endpoint="prod", version="1")
    eventually(lambda: serves("1"))
    texts = [each["text"] for each in changes(told, "transitions")[-1]]
    assert texts[-1] in {"Endpoint prod serves version 1", "Endpoint prod: UPDATING → READY"}
    click(panel, type="delete", runtime=runtime, endpoint="prod")
    eventually(lambda: "Endpoint prod was deleted" in str(changes(told, "transitions")[-1]))


def test_a_refused_click_is_told_in_a_sentence(
    aws: Clients, source: Source, panels: list[LivePanel], click: Click
) -> None:
    """AWS's refusal, in a learner's words with the code."""
    runtime = ready(aws).rpartition("/")[2]
    panel = VersionsPanel(source)
    panels.append(panel)
    click(panel, type="move", runtime=runtime, endpoint="nowhere", version="1")
    eventually(lambda: panel.notice is not None)
    assert "(ResourceNotFoundException)" in panel.notice["text"]


def test_two_versions_are_compared_for_the_page_alone(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """Field by field; what may be secret is not in the widget's state, which a notebook saves."""
    runtime = ready(aws, environmentVariables={"KEY": "one"}).rpartition("/")[2]
    update(aws, runtime, environmentVariables={"KEY": "hush"})
    settled(aws, runtime)
    panel = VersionsPanel(source)
    panels.append(panel)
    click(panel, type="diff", runtime=runtime, one="1", two="2")
    eventually(lambda: told[-1]["type"] == "diff")
    assert told[-1]["rows"] == [{"field": "environmentVariables.KEY", "one": '"one"', "two": '"hush"'}]
    assert "hush" not in str(panel.get_state())


def test_the_clock_is_set_ahead_and_what_was_due_happens(
    aws: Clients,
    source: Source,
    panels: list[LivePanel],
    told: list[dict[str, Any]],
    click: Click,
    clock: FakeClock,
) -> None:
    """A quarter of an hour by one click: the idle session ends, and the panel shows the new time."""
    arn = ready(aws)
    invoke(aws, arn)
    panel = HealthPanel(source, arn)
    panels.append(panel)
    (row,) = panel.sessions
    assert (row["state"], row["because"], row["idle_seconds"]) == ("Idle", "idle", 900)
    click(panel, type="hello")
    click(panel, type="advance", seconds=901)
    eventually(lambda: any(each["type"] == "clock" and each["ahead"] == 901 for each in list(told)))
    eventually(lambda: changes(told, "sessions")[-1:] == [[]])
    click(panel, type="copy", what="advance", seconds=900)
    assert "lab.clock.advance(seconds=900)" in told[-1]["code"]


def test_a_log_is_followed_while_a_page_looks(
    aws: Clients,
    backend: ScriptedBackend,
    source: Source,
    panels: list[LivePanel],
    told: list[dict[str, Any]],
    click: Click,
) -> None:
    """The chosen session's lines as they are written; another session's when it is chosen; nothing is asked before."""
    lines = ["one"]
    arn = ready(aws, scripted(backend, Script(log=lines)))
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=first)
    panel = LogsPanel(source, arn)
    panels.append(panel)
    assert not panel.wish().logs
    assert panel.chosen == panel.sessions[0]["id"]
    click(panel, type="hello")
    eventually(lambda: changes(told, "log") == [[{"afresh": True, "lines": ["one"]}]])
    lines.append("two")
    eventually(lambda: changes(told, "log")[-1] == [{"afresh": False, "lines": ["two"]}])
    invoke(aws, arn, runtimeSessionId=second)
    eventually(lambda: len(changes(told, "sessions")[-1:] and changes(told, "sessions")[-1]) == 2)
    other = changes(told, "sessions")[-1][1]["id"]
    click(panel, type="follow", id=other)
    eventually(lambda: panel.chosen == other)
    eventually(lambda: changes(told, "log")[-1] == [{"afresh": True, "lines": ["one", "two"]}])
    eventually(lambda: panel.lines == ["one", "two"])


def test_invocations_are_traced(
    aws: Clients, source: Source, panels: list[LivePanel], told: list[dict[str, Any]], click: Click
) -> None:
    """Each invocation once, of the panel's runtime alone, with the call that would repeat it."""
    one, two = ready(aws, name="one"), ready(aws, name="two")
    panel = LogsPanel(source, one)
    panels.append(panel)
    click(panel, type="hello")
    invoke(aws, two)
    invoke(aws, one)
    eventually(lambda: changes(told, "invocations") != [])
    ((call,),) = changes(told, "invocations")
    assert (call["agentRuntimeArn"], call["status"], call["agentRuntimeVersion"]) == (one, 200, "1")
    click(panel, type="copy", what="invocation", id=call["id"])
    assert "client.invoke_agent_runtime(" in told[-1]["code"]
    compile(told[-1]["code"], "copied", "exec")


def test_an_engine_that_goes_is_noticed_and_one_that_comes_is_followed(
    settings: Settings, backend: ScriptedBackend, told: list[dict[str, Any]]
) -> None:
    """The panel says so in a sentence, and goes on with the new engine, wherever that listens."""
    found: list[RunningEngine | None] = [None]
    with engine_in_thread(settings, backend, FakeClock()) as first:
        found[0] = first
        aws = clients_of(first.url)
        source = Source(
            Feed(lambda: found[0].api() if found[0] else None),
            {"data": aws.data, "control": aws.control},
            first.send,
        )
        invoke(aws, ready(aws))
        panel = SessionsPanel(source)
        assert [row["state"] for row in panel.sessions] == ["Idle"]
    found[0] = None
    eventually(lambda: panel.notice is not None and "does not answer" in panel.notice["text"])
    with engine_in_thread(settings, backend, FakeClock()) as second:
        found[0] = second
        eventually(lambda: panel.notice is not None and "started again" in panel.notice["text"])
        eventually(lambda: panel.sessions == [])
        panel.close()


def test_moves_are_told_in_sentences() -> None:
    """Each transition once, in the words of the API."""
    version = {"version": "1", "status": "READY"}
    flag = {"name": "prod", "status": "READY", "liveVersion": "1", "targetVersion": "1"}
    before = {"name": "a", "status": "READY", "versions": [version], "endpoints": [flag]}
    aimed = {**flag, "status": "UPDATING", "targetVersion": "2"}
    after = {**before, "versions": [{**version, "version": "2"}, version], "endpoints": [aimed]}
    assert moves(before, after) == ["Version 2 was made", "Endpoint prod: READY → UPDATING"]
    assert moves(after, {**after, "endpoints": [{**aimed, "status": "READY", "liveVersion": "2"}]}) == [
        "Endpoint prod serves version 2"
    ]
    assert moves(before, {**before, "endpoints": []}) == ["Endpoint prod was deleted"]
    assert (moves(None, before), moves(before, None)) == (
        ["Runtime a was created"],
        ["Runtime a was deleted"],
    )


def test_differences_are_by_field() -> None:
    """Equal fields, ids and dates are left out; what one side does not set is None."""
    one = {"agentRuntimeVersion": "1", "a": {"b": 1, "c": [1]}, "same": 2}
    two = {"agentRuntimeVersion": "2", "a": {"b": 3}, "same": 2}
    assert differences(one, two) == [
        {"field": "a.b", "one": "1", "two": "3"},
        {"field": "a.c", "one": "[1]", "two": None},
    ]


def test_a_dashboard_is_its_panels(aws: Clients, source: Source) -> None:
    """All of one runtime; closing it ends the thread that fed it."""
    before = [thread.name for thread in threading.enumerate()].count(THREAD)
    dashboard = Dashboard(source, ready(aws))
    assert repr(dashboard) == (
        "Dashboard(SessionsPanel(runtime 'hello_agent'), VersionsPanel(runtime 'hello_agent'), "
        "HealthPanel(runtime 'hello_agent'), LogsPanel(runtime 'hello_agent'))"
    )
    dashboard.close()
    eventually(lambda: [thread.name for thread in threading.enumerate()].count(THREAD) == before)
