"""``sessions`` and ``clock`` on the command line, against an engine on scripted sandboxes and a real one."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agentcore_lab.cli import app
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab import Lab
from agentcore_lab.lab_clock import duration
from agentcore_lab.own_api import EngineGone, OwnApi, gone
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.cli.test_engine_commands import HELLO_AGENT, build_hello
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.programs import Program
from tests.runtime.test_control_plane import create, settled
from tests.runtime.test_invocations import invoke, ready, scripted


def run(engine: RunningEngine, *arguments: str) -> Result:
    """One command against the engine, on a wide terminal."""
    port = engine.url.rpartition(":")[2]
    return CliRunner().invoke(app, [*arguments, "--port", port], env={"COLUMNS": "200"})


@pytest.fixture
def session_id(aws: Clients, backend: ScriptedBackend) -> str:
    """An idle session."""
    session_id = str(uuid.uuid4())
    invoke(aws, ready(aws, scripted(backend, Script(log=("[bold] words",)))), runtimeSessionId=session_id)
    return session_id


def test_sessions_lists_what_runs_and_what_comes_next(
    engine: RunningEngine, session_id: str, clock: FakeClock
) -> None:
    """One line a session; --json gives the engine's own answer."""
    clock.advance(timedelta(minutes=2, seconds=19))
    listed = run(engine, "sessions")
    assert listed.exit_code == 0
    assert session_id in listed.stdout
    assert "ends in 12:41 unless invoked" in listed.stdout
    assert json.loads(run(engine, "sessions", "--json").stdout)["sessions"][0]["sessionId"] == session_id


def test_sessions_with_an_id_tells_all_of_one(engine: RunningEngine, session_id: str) -> None:
    """The id stands where a command could: no command is as long."""
    told = run(engine, "sessions", session_id)
    assert f"Session {session_id}" in told.stdout
    assert "[bold] words" in told.stdout
    assert json.loads(run(engine, "sessions", session_id, "--json").stdout)["session"]["state"] == "Idle"
    unknown = run(engine, "sessions", "x" * 33)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert f"No session {'x' * 33} is known to this engine." in unknown.stderr


def test_sessions_stop_ends_one(engine: RunningEngine, backend: ScriptedBackend, session_id: str) -> None:
    """As StopRuntimeSession does, and in its words when there is nothing to stop."""
    assert run(engine, "sessions", "stop", session_id).exit_code == 0
    assert backend.running == {}
    assert "Terminated (stopped)" in run(engine, "sessions", session_id).stdout
    again = run(engine, "sessions", "stop", session_id)
    assert again.exit_code == 1
    assert "already ended" in again.stderr


def test_an_engine_that_goes_away_is_told_in_a_sentence(
    engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered a moment ago and does not any more: the mend, no traceback."""

    def nobody(self: OwnApi, _path: str) -> None:
        raise EngineGone(gone(self.url))

    monkeypatch.setattr(OwnApi, "fetch", nobody)
    for command in ("sessions", "status", "clock"):
        told = run(engine, command)
        assert (told.exit_code, told.stdout, told.stderr) == (1, "", gone(engine.url) + "\n")


def test_status_names_the_model(engine: RunningEngine) -> None:
    """What answers bedrock-runtime stands beside the sandbox."""
    assert " · model scripted · " in run(engine, "status").stdout
    assert json.loads(run(engine, "status", "--json").stdout)["model"] == "scripted"


def test_clock_advance_ends_an_idle_session(
    engine: RunningEngine, backend: ScriptedBackend, session_id: str
) -> None:
    """``clock advance 15m`` shows a fifteen-minute time-out in a moment."""
    assert (
        "2026-01-01 00:00:00 UTC, the machine's time. Agents keep real time." in run(engine, "clock").stdout
    )
    assert "00:15:00 UTC, 0:15:00 ahead" in run(engine, "clock", "advance", "15m").stdout
    eventually(lambda: backend.running == {})
    assert json.loads(run(engine, "clock", "--json").stdout)["aheadSeconds"] == 900
    wrong = run(engine, "clock", "advance", "soon")
    assert wrong.exit_code == 2
    assert "is no duration" in wrong.stderr
    far = run(engine, "clock", "advance", "9999d")
    assert far.exit_code == 1
    assert "advanceSeconds" in far.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("8h", 28_800), ("1h30m", 5400), ("2d", 172_800), ("0s", 0)],
)
def test_durations(text: str, seconds: int) -> None:
    """Days, hours, minutes and seconds, the larger first."""
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", " ", "15", "m", "-5m", "30m1h", "1.5h", "9" * 30 + "d"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match=r"duration|too long"):
        duration(text)


def test_health_checks_are_set_by_option_or_variable() -> None:
    """Numbers that cannot be meant are refused by name."""
    assert Settings.load({"AGENTCORE_LAB_PING_SECONDS": "0.5"}).ping_seconds == 0.5
    assert Settings.load({"AGENTCORE_LAB_UNHEALTHY_AFTER": "3"}).unhealthy_after == 3
    assert Settings.load({"AGENTCORE_LAB_MAX_SESSIONS": "7"}).max_sessions == 7
    for name, value in {"PING_SECONDS": "0", "UNHEALTHY_AFTER": "-1", "MAX_SESSIONS": "many"}.items():
        with pytest.raises(ValueError, match=f"AGENTCORE_LAB_{name}"):
            Settings.load({f"AGENTCORE_LAB_{name}": value})
    assert CliRunner().invoke(app, ["serve", "--ping-seconds", "0"]).exit_code == 2


@pytest.mark.process
def test_a_lab_sets_a_running_engines_clock_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real engine with a real agent: asked every half second, described, ended by an advance of 15 minutes."""
    program = Program(tmp_path / "data")
    build_hello(program, "process")
    for name in program.environment():
        monkeypatch.setenv(name, program.environment()[name])
    options = ("--sandbox", "process", "--port", "0", "--ping-seconds", "0.5")
    with program.serving(*options) as serving:
        lab = Lab(data_dir=program.data_dir, sandbox="process")
        aws = clients_of(serving.engine.url)
        arn = settled(aws, create(aws, uri=HELLO_AGENT)["agentRuntimeId"])["agentRuntimeArn"]
        session_id = str(uuid.uuid4())
        invoke(aws, arn, b'{"prompt": "Ada"}', runtimeSessionId=session_id)
        eventually(lambda: len(lab.session(session_id).facts["pings"]) >= 3)
        detail = lab.session(session_id, arn)
        assert {ping["status"] for ping in detail.facts["pings"]} == {"Healthy"}
        assert detail.facts["usage"]["cpuSeconds"] > 0
        assert detail.diagnostics == ()
        before = lab.clock.now()
        assert lab.clock.advance(minutes=15).now >= before + timedelta(minutes=15)
        assert lab.session(session_id).wait("Terminated").reason == "idle"
        assert [view.reason for view in lab.sessions(arn)] == ["idle"]
        assert "ahead of this machine" in program.run("clock").stdout
