"""Sandboxes that cannot come or are slow to go, and those that a killed engine has left behind."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.sandbox.base import SandboxError, SandboxSpec
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.patience import PATIENCE, eventually
from tests.runtime.test_control_plane import create, refusal, settled
from tests.runtime.test_invocations import invoke, ready, sessions


def left_behind(backend: ScriptedBackend, *names: str) -> None:
    """Start sandboxes that no engine knows of."""
    image = backend.add("orphan", Script(exits=0))
    for name in names:
        asyncio.run(backend.start(SandboxSpec(name, image, 8080)))


def test_a_new_engine_removes_what_a_killed_one_left(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """At once, before it answers anybody: nobody can call them any more, and they would cost memory for ever."""
    left_behind(backend, "one", "two")
    with engine_in_thread(settings, backend, clock):
        assert backend.running == {}
        assert sorted(backend.stopped) == [("one", 0), ("two", 0)]


def test_what_cannot_be_removed_keeps_no_engine_from_starting(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are removed, and calls are answered."""
    left_behind(backend, "one", "stuck", "two")
    stop = ScriptedBackend.stop

    async def all_but_one(self: ScriptedBackend, sandbox_id: str, grace: float) -> None:
        if sandbox_id == "stuck":
            raise SandboxError("it is stuck")
        await stop(self, sandbox_id, grace)

    monkeypatch.setattr(ScriptedBackend, "stop", all_but_one)
    with engine_in_thread(settings, backend, clock) as engine:
        assert list(backend.running) == ["stuck"]
        aws = clients_of(engine.url)
        assert invoke(aws, ready(aws))["body"] == b"{}"


def test_a_session_begins_anew_once_the_old_one_has_gone(
    aws: Clients, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that comes while the sandbox of its session is being removed waits: there are never two."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    removed, may_go = threading.Event(), threading.Event()
    stop, start = ScriptedBackend.stop, ScriptedBackend.start
    beside: list[list[str]] = []

    async def slow(self: ScriptedBackend, sandbox_id: str, grace: float) -> None:
        removed.set()
        while not may_go.is_set():  # noqa: ASYNC110 - set in another thread
            await asyncio.sleep(0.01)
        await stop(self, sandbox_id, grace)

    async def noted(self: ScriptedBackend, spec: SandboxSpec) -> None:
        beside.append(list(self.running))
        await start(self, spec)

    monkeypatch.setattr(ScriptedBackend, "stop", slow)
    monkeypatch.setattr(ScriptedBackend, "start", noted)
    invoke(aws, arn, runtimeSessionId=session_id)
    with ThreadPoolExecutor(2) as pool:
        stopping = pool.submit(
            aws.data.stop_runtime_session, agentRuntimeArn=arn, runtimeSessionId=session_id
        )
        assert removed.wait(PATIENCE)
        again = pool.submit(invoke, aws, arn, runtimeSessionId=session_id)
        with suppress(TimeoutError):
            again.result(0.5)  # one that does not wait is answered by now
        may_go.set()
        stopping.result()
        assert again.result()["body"] == b"{}"
    assert beside == [[], []]


def test_a_deleted_runtime_takes_no_other_runtimes_sessions_along(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """They go on in the sandboxes they have."""
    doomed, other = ready(aws), settled(aws, create(aws, "other")["agentRuntimeId"])["agentRuntimeArn"]
    session_id = str(uuid.uuid4())
    invoke(aws, doomed, runtimeSessionId=session_id)
    invoke(aws, other, runtimeSessionId=session_id)
    aws.control.delete_agent_runtime(agentRuntimeId=doomed.rpartition("/")[2])
    first, second = (spec.id for spec in backend.started)
    eventually(lambda: first not in backend.running)
    invoke(aws, other, runtimeSessionId=session_id)
    assert list(backend.running) == [second]
    assert len(backend.started) == 2


def test_a_session_that_is_being_removed_cannot_be_stopped_again(
    aws: Clients, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has ended, though its sandbox may still be going: 404 at once."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    removing, may_go, stop = threading.Event(), threading.Event(), ScriptedBackend.stop

    async def slow(self: ScriptedBackend, sandbox_id: str, grace: float) -> None:
        removing.set()
        while not may_go.is_set():  # noqa: ASYNC110 - set in another thread
            await asyncio.sleep(0.01)
        await stop(self, sandbox_id, grace)

    monkeypatch.setattr(ScriptedBackend, "stop", slow)
    invoke(aws, arn, runtimeSessionId=session_id)
    named = {"agentRuntimeArn": arn, "runtimeSessionId": session_id}
    with ThreadPoolExecutor(2) as pool:
        stopping = pool.submit(aws.data.stop_runtime_session, **named)
        try:
            assert removing.wait(PATIENCE)
            again = pool.submit(refusal, lambda: aws.data.stop_runtime_session(**named))
            assert again.result(PATIENCE)[:2] == ("ResourceNotFoundException", 404)
        finally:
            may_go.set()
        stopping.result()


def test_a_sandbox_that_cannot_be_started_ends_its_session(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is told why, and the next one on the same id starts another."""
    arn, session_id = ready(aws), str(uuid.uuid4())

    async def refuses(_self: ScriptedBackend, spec: SandboxSpec) -> None:
        raise SandboxError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(ScriptedBackend, "start", refuses)
        code, status, message, _ = refusal(lambda: invoke(aws, arn, runtimeSessionId=session_id))
    assert (code, status) == ("RuntimeClientError", 424)
    assert "no space left on device" in message
    eventually(lambda: [session["reason"] for session in sessions(engine)] == ["start failed"])
    assert invoke(aws, arn, runtimeSessionId=session_id)["body"] == b"{}"
