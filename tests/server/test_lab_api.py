"""The lab's own API: sessions described, the clock, and who may set it."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab_clock import LabClock
from agentcore_lab.own_api import LabRefused
from agentcore_lab.panels.session_detail import SessionDetail
from agentcore_lab.panels.views import short_duration
from agentcore_lab.sandbox.base import Usage
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.conftest import Clients
from tests.patience import PATIENCE, eventually
from tests.runtime.test_invocations import invoke, ready, scripted


def post(engine: RunningEngine, body: bytes, **headers: str) -> int:
    """The status of a POST to the clock."""
    names = engine.api().signed("POST", "clock", body)
    names |= {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Request(f"{engine.url}/_lab/clock", body, names), timeout=PATIENCE) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def session(aws: Clients, backend: ScriptedBackend, clock: FakeClock) -> tuple[str, str]:
    """ARN and id of a session that has answered, been asked for its health once and lived for a minute."""
    script = Script(usage=Usage(1.25, 50 * 1024 * 1024, 8 * 1024**3), log=("<hello>",))
    arn, session_id = ready(aws, scripted(backend, script)), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    clock.advance(timedelta(minutes=1))
    return arn, session_id


def test_a_session_is_described(engine: RunningEngine, session: tuple[str, str]) -> None:
    """State, version, age, countdown, use, health and log in one answer, by the engine's clock."""
    arn, session_id = session
    eventually(lambda: engine.fetch(f"sessions/{session_id}")["session"]["pings"])
    answer = engine.fetch(f"sessions/{session_id}?runtime={arn}")
    found = answer["session"]
    assert answer["asOf"] == "2026-01-01T00:01:00+00:00"
    assert (found["sessionId"], found["agentRuntimeArn"]) == (session_id, arn)
    assert (found["state"], found["agentRuntimeVersion"], found["endpoint"]) == ("Idle", "1", "DEFAULT")
    assert (found["ageSeconds"], found["endsAt"]) == (60.0, "2026-01-01T00:15:00+00:00")
    assert found["usage"] == {"cpuSeconds": 1.25, "memoryBytes": 52428800, "memoryLimitBytes": 8589934592}
    assert [(ping["status"], ping["at"]) for ping in found["pings"]] == [("Healthy", answer["asOf"])]
    assert found["logTail"] == ["<hello>"]
    text = str(SessionDetail.of(answer))
    assert "Idle · ends in 14:00 unless invoked" in text
    assert "1.2 s CPU · 50 of 8,192 MiB" in text
    html = SessionDetail.of(answer)._repr_html_()
    assert "&lt;hello&gt;" in html
    assert "<hello>" not in html


def test_an_ended_session_stays_to_be_read(
    aws: Clients, engine: RunningEngine, session: tuple[str, str]
) -> None:
    """Why, when and the last lines of the log; the id's next incarnation comes first as soon as there is one."""
    arn, session_id = session
    aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
    ended = engine.fetch(f"sessions/{session_id}")["session"]
    assert (ended["state"], ended["reason"], ended["endsAt"]) == ("Terminated", "stopped", None)
    assert (ended["endedAt"], ended["ageSeconds"]) == ("2026-01-01T00:01:00+00:00", 60.0)
    assert (ended["logTail"], ended["usage"]) == (["<hello>"], None)
    assert "Terminated (stopped): StopRuntimeSession ended it." in str(
        SessionDetail.of(engine.fetch(f"sessions/{session_id}"))
    )
    invoke(aws, arn, runtimeSessionId=session_id)
    assert engine.fetch(f"sessions/{session_id}")["session"]["state"] == "Idle"


def test_usage_is_listed_when_it_is_asked_for(engine: RunningEngine, session: tuple[str, str]) -> None:
    """Asking every sandbox costs something, which a panel that looks twice a second need not pay."""
    assert "usage" not in engine.fetch("sessions")["sessions"][0]
    assert engine.fetch("sessions?usage=1")["sessions"][0]["usage"]["cpuSeconds"] == 1.25


def test_an_unknown_session_is_told(engine: RunningEngine) -> None:
    """404 with a sentence."""
    with pytest.raises(LabRefused, match="No session nobody is known") as refused:
        engine.fetch("sessions/nobody")
    assert refused.value.status == 404


def test_advancing_the_clock_ends_what_is_due(
    backend: ScriptedBackend, engine: RunningEngine, session: tuple[str, str]
) -> None:
    """Fifteen minutes pass in no time; the engine says what its clock shows and how far it is ahead."""
    clock = LabClock(engine)
    before = clock.now()
    advanced = clock.advance(minutes=14, seconds=60)
    assert advanced.now == before + timedelta(minutes=15) == clock.now()
    assert (repr(advanced), str(advanced)) == (
        "Advanced(by 0:15:00)",
        "0:15:00 later: 2026-01-01 00:16:00 UTC",
    )
    assert engine.fetch("clock")["aheadSeconds"] == 16 * 60
    eventually(lambda: backend.running == {})
    assert engine.fetch("sessions")["sessions"][0]["reason"] == "idle"


@pytest.mark.parametrize(
    "body", [{}, [], {"advanceSeconds": -1}, {"advanceSeconds": "15m"}, {"advanceSeconds": True}]
)
def test_the_clock_goes_forward_by_a_number_of_seconds(engine: RunningEngine, body: Any) -> None:
    """Anything else is refused, and the clock stays where it is."""
    assert post(engine, json.dumps(body).encode()) == 400
    assert engine.fetch("clock")["aheadSeconds"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"advanceSeconds": NaN}', b'{"advanceSeconds": 1e300}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_number_is_refused(engine: RunningEngine, body: bytes) -> None:
    """A body that cannot be read is a bad request, not a failure of the engine."""
    assert post(engine, body) == 400


def test_a_web_page_cannot_set_the_clock(engine: RunningEngine) -> None:
    """Requests a browser sends for other pages are refused, also when their host name leads here."""
    port = engine.url.rpartition(":")[2]
    body = b'{"advanceSeconds": 1}'
    assert post(engine, body, Origin="https://example.com") == 403
    assert post(engine, body, Origin="null") == 403
    assert post(engine, body, Origin=f"http://evil.example:{port}", Host=f"evil.example:{port}") == 403
    assert post(engine, body, Sec_Fetch_Site="cross-site") == 403
    assert engine.fetch("clock")["aheadSeconds"] == 0
    assert post(engine, body, Origin=f"http://127.0.0.1:{port}") == 200
    assert post(engine, body, Origin=f"http://localhost:{port}") == 200
    assert post(engine, body, Origin=f"https://localhost:{port}") == 200
    assert post(engine, body, Origin="https://localhost") == 403
    assert post(engine, body) == 200


@pytest.mark.parametrize(
    ("seconds", "words"), [(48.9, "48 s"), (761, "12:41"), (28_743, "7:59:03"), (-3, "0 s")]
)
def test_durations_are_read_off(seconds: float, words: str) -> None:
    """As on a clock."""
    assert short_duration(seconds) == words
