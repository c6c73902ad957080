"""Health checks of running sessions, as boto3 and the lab's own API see them, on scripted agents."""

from __future__ import annotations

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab_clock import LabClock
from agentcore_lab.runtime.health import Trap
from agentcore_lab.runtime.limits import STOP_GRACE_SECONDS
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import refusal
from tests.runtime.test_invocations import invoke, ready, scripted

ROUND = timedelta(seconds=2)


@dataclass(slots=True)
class Ping:
    """A /ping whose answer a test changes while the agent runs; ``asked`` counts the answers given."""

    clock: FakeClock
    status: str = "Healthy"
    changed: bool = False
    code: int = 200
    asked: int = 0
    hangs: bool = False
    since: float | None = field(default=None)

    def turn(self, status: str) -> None:
        """Change the status, as the SDK does: with the time of the change."""
        self.status, self.changed, self.since = status, True, self.clock.now().timestamp()

    async def __call__(self, _request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.hangs and self.asked > 1:
            await asyncio.sleep(3600)
        body: dict[str, Any] = {"status": self.status}
        if self.changed:
            body["time_of_last_update"] = self.since
        return web.json_response(body, status=self.code)


@pytest.fixture
def ping(clock: FakeClock) -> Ping:
    """The /ping of this test's agent."""
    return Ping(clock)


def described(engine: RunningEngine, session_id: str) -> dict[str, Any]:
    """All the engine knows of a session."""
    session: dict[str, Any] = engine.fetch(f"sessions/{session_id}")["session"]
    return session


def reached(engine: RunningEngine, session_id: str, **facts: Any) -> dict[str, Any]:
    """The session once it is as ``facts`` say."""
    eventually(lambda: facts.items() <= described(engine, session_id).items())
    return described(engine, session_id)


def rounds(engine: RunningEngine, clock: FakeClock, session_id: str, count: int) -> None:
    """Let the engine ask the session's agent that often; returns when it has heard the last answer."""
    for _ in range(count):
        time_passes(engine, clock, session_id, ROUND)


def time_passes(engine: RunningEngine, clock: FakeClock, session_id: str, by: timedelta) -> None:
    """Set the clock ahead, beyond a health check of the session's; returns when the engine has heard its answer.

    A check that is still under way when the next one is due stands for both.
    """
    clock.advance(by)
    now = clock.now()
    eventually(lambda: _heard_at(engine, session_id) >= now)


def _heard_at(engine: RunningEngine, session_id: str) -> datetime:
    pings = described(engine, session_id)["pings"]
    return datetime.fromisoformat(pings[-1]["at"]) if pings else datetime.min.replace(tzinfo=UTC)


def started(aws: Clients, backend: ScriptedBackend, script: Script, **more: Any) -> tuple[str, str]:
    """The ARN of a runtime of ``script``, and the id of a session of it that has answered once."""
    arn, session_id = ready(aws, scripted(backend, script), **more), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    return arn, session_id


def test_a_busy_agent_outlives_its_idle_time_out(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """HealthyBusy keeps the session Active for hours; fifteen minutes after it is Healthy again it ends."""
    _, session_id = started(aws, backend, Script(ping=ping))
    ping.turn("HealthyBusy")
    rounds(engine, clock, session_id, 1)
    reached(engine, session_id, state="Active", inFlight=0, health="HealthyBusy")
    time_passes(engine, clock, session_id, timedelta(hours=3))
    assert described(engine, session_id)["state"] == "Active"
    ping.turn("Healthy")
    rounds(engine, clock, session_id, 1)
    session = reached(engine, session_id, state="Idle", health="Healthy")
    assert session["endsBecause"] == "idle"
    assert session["diagnostics"] == []
    clock.advance(timedelta(minutes=15))
    reached(engine, session_id, state="Terminated", reason="idle")
    eventually(lambda: backend.running == {})


def test_busy_without_a_time_is_reaped_and_told(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """The trap that silently kills work on AWS: here the session says so before it ends."""
    lifecycle = {"idleRuntimeSessionTimeout": 60}
    _, session_id = started(aws, backend, Script(ping=ping), lifecycleConfiguration=lifecycle)
    ping.status = "HealthyBusy"
    rounds(engine, clock, session_id, 2)
    assert reached(engine, session_id, diagnostics=[Trap.BUSY_WITHOUT_TIME])["state"] == "Idle"
    clock.advance(timedelta(seconds=56))
    reached(engine, session_id, state="Terminated", reason="idle")


def test_an_agent_that_began_to_work_before_a_jump_is_asked_before_it_is_ended(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """The clock is set ahead beyond the idle time-out before the next health check could tell."""
    _, session_id = started(aws, backend, Script(ping=ping))
    ping.turn("HealthyBusy")
    clock.advance(timedelta(hours=1))
    reached(engine, session_id, state="Active", health="HealthyBusy")


def test_who_sets_the_clock_ahead_meets_sessions_as_they_are_then(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """The very next call begins a new session, however long the agent takes to say that it is not busy."""

    async def slowly(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return web.json_response({"status": "Healthy"})

    arn, session_id = started(aws, backend, Script(ping=slowly))
    LabClock(engine).advance(minutes=16)
    assert described(engine, session_id)["reason"] == "idle"
    invoke(aws, arn, runtimeSessionId=session_id)
    assert len(backend.started) == 2


def test_an_unhealthy_session_ends_with_awss_words_and_so_does_its_call(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """Five failed checks in succession: the session is Terminated, a call under way is a 424 that says why."""

    async def for_ever(request: web.Request) -> web.StreamResponse:
        if await request.read() == b"{}":
            return web.Response()
        await asyncio.sleep(3600)
        raise AssertionError

    script = Script(answer=for_ever, ping=ping, log=("working", "still working"))
    arn, session_id = started(aws, backend, script)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refusal, lambda: invoke(aws, arn, b"long", runtimeSessionId=session_id))
        reached(engine, session_id, inFlight=1)
        ping.code = 503
        rounds(engine, clock, session_id, 4)
        assert reached(engine, session_id, failedPings=4)["state"] == "Active"
        rounds(engine, clock, session_id, 1)
        code, status, message, _ = waiting.result()
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith(
        "Runtime health check failed or timed out. Please make sure that health check is"
    )
    assert message.endswith("still working")
    session = reached(engine, session_id, state="Terminated", reason="unhealthy")
    assert session["detail"].startswith("Runtime health check failed or timed out.")
    assert session["logTail"] == ["working", "still working"]
    eventually(lambda: backend.running == {})


def test_a_container_found_dead_ends_its_session_at_the_next_check(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """A crash between calls is told with exit code and last words, and the next call starts a new sandbox."""
    arn, session_id = started(aws, backend, Script(log=("Traceback …", "MemoryError")))
    backend.crash(backend.started[0].id, 3)
    clock.advance(ROUND)
    session = reached(engine, session_id, state="Terminated", reason="crashed", exitCode=3)
    assert session["detail"] == "The container exited with code 3."
    eventually(lambda: backend.running == {})
    assert described(engine, session_id)["logTail"] == ["Traceback …", "MemoryError"]
    invoke(aws, arn, runtimeSessionId=session_id)
    assert len(backend.started) == 2


def test_an_agent_that_hangs_keeps_no_other_waiting(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """While one /ping hangs the others are asked round after round, and it is not asked a second time."""
    hanging = Ping(clock, hangs=True)
    uri = scripted(backend, Script(ping=hanging, proof=Script()), "hanging")
    arn = ready(aws, uri, name="hanging_agent")
    hung = str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=hung)
    _, session_id = started(aws, backend, Script(ping=ping))
    rounds(engine, clock, session_id, 10)
    assert hanging.asked == 2  # at the start, and the one that hangs
    assert described(engine, hung)["state"] == "Idle"


def test_two_hundred_sessions_are_asked_in_one_round(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """Each of them, and none is taken for dead because there are so many."""
    arn = ready(aws, scripted(backend, Script(ping=ping)))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: invoke(aws, arn), range(200)))
    before = ping.asked
    clock.advance(ROUND)
    eventually(lambda: ping.asked >= before + 200)
    assert len(backend.running) == 200


def test_an_mcp_server_lives_by_its_port(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine, ping: Ping
) -> None:
    """MCP's contract has no /ping: it is never asked for, and a port nobody listens on is unhealthy."""
    arn = ready(aws, scripted(backend, Script(ping=ping)), protocolConfiguration={"serverProtocol": "MCP"})
    session_id = str(uuid.uuid4())
    answer = invoke(aws, arn, runtimeSessionId=session_id, accept="application/json, text/event-stream")
    assert json.loads(answer["body"])["error"]["code"] == -32010  # it has no /mcp either
    clock.advance(ROUND)
    reached(engine, session_id, health="Healthy")
    assert ping.asked == 0
    backend.unplug(backend.started[0].id)
    for failures in range(1, 5):
        clock.advance(ROUND)
        reached(engine, session_id, failedPings=failures)
    clock.advance(ROUND)
    reached(engine, session_id, state="Terminated", reason="unhealthy")


def test_a_sandbox_is_given_fifteen_seconds_to_end(aws: Clients, backend: ScriptedBackend) -> None:
    """SIGTERM, the grace AWS gives, SIGKILL: the backend's work, asked for with that grace."""
    arn, session_id = started(aws, backend, Script())
    aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
    assert backend.stopped[-1] == (backend.started[0].id, STOP_GRACE_SECONDS)


def test_one_session_above_the_quota_is_refused(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """AWS: active sessions per account; a session that has ended makes room again."""
    with engine_in_thread(replace(settings, max_sessions=2), backend, clock) as engine:
        aws = clients_of(engine.url)
        arn, ids = ready(aws, HELLO), [str(uuid.uuid4()) for _ in range(3)]
        for session_id in ids[:2]:
            invoke(aws, arn, runtimeSessionId=session_id)
        code, status, message, _ = refusal(lambda: invoke(aws, arn, runtimeSessionId=ids[2]))
        assert (code, status) == ("ServiceQuotaExceededException", 402)
        assert "2 active sessions" in message
        assert invoke(aws, arn, runtimeSessionId=ids[0])["statusCode"] == 200
        aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=ids[0])
        assert invoke(aws, arn, runtimeSessionId=ids[2])["statusCode"] == 200
