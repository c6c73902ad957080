"""Random lives of runtimes and sessions: at every step what should be and what is agree, and nothing is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.runtime.test_invocations import invoke

IDLE, LIFETIME, ROUND = timedelta(seconds=900), timedelta(seconds=28_800), timedelta(seconds=2)
PATIENCE_SECONDS = 15.0
Key = tuple[str, str]


@dataclass(slots=True)
class Expected:
    """What a session should be: the model's own few facts."""

    version: int
    created_at: datetime
    last_activity: datetime
    busy: bool = False

    def ends_by(self, now: datetime) -> str | None:
        """Why time has ended it by ``now``, if it has."""
        lifetime_ends, idle_ends = self.created_at + LIFETIME, self.last_activity + IDLE
        if not self.busy and idle_ends <= now and idle_ends < lifetime_ends:
            return "idle"
        return "maximum lifetime" if lifetime_ends <= now else None


@dataclass(slots=True)
class Agents:
    """What the scripted agents answer to /ping, by the port each listens on."""

    said: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        code, body = self.said.get(request.url.port or 0, (200, {"status": "Healthy"}))
        return web.json_response(body, status=code)


@dataclass(frozen=True, slots=True)
class World:
    """A running engine and all a test can do to it. ``ids`` and ``runtimes`` bound how much of each there is."""

    engine: RunningEngine
    aws: Clients
    backend: ScriptedBackend
    clock: FakeClock
    agents: Agents
    runtimes: int
    ids: int
    numbers: Iterator[int] = field(default_factory=count)

    def sessions(self) -> list[dict[str, Any]]:
        """The engine's own list."""
        listed: list[dict[str, Any]] = self.engine.fetch("sessions")["sessions"]
        return listed


@contextmanager
def world(folder: Path, runtimes: int, ids: int) -> Iterator[World]:
    """An engine on scripted agents, and at the end the proof that nothing is left running."""
    backend, clock, agents = ScriptedBackend(), FakeClock(), Agents()
    backend.add(HELLO, Script(ping=agents))
    data = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    with engine_in_thread(data, backend, clock) as engine:
        yield World(engine, clients_of(engine.url), backend, clock, agents, runtimes, ids)
    assert backend.running == {}


class Lives(RuleBasedStateMachine):
    """Runtimes and sessions under random calls, updates, stops, crashes, illnesses and jumps of the clock."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.versions: dict[str, int] = {}
        self.living: dict[Key, Expected] = {}
        self.ended: dict[Key, str] = {}

    @initialize()
    def first_runtime(self) -> None:
        self.create_runtime()

    @precondition(lambda self: len(self.versions) < self.world.runtimes)
    @rule()
    def create_runtime(self) -> None:
        name = f"agent_{next(self.world.numbers)}"
        runtime = settled(self.world.aws, create(self.world.aws, name)["agentRuntimeId"])
        self.versions[runtime["agentRuntimeArn"]] = 1

    @rule(data=st.data())
    def update_runtime(self, data: st.DataObject) -> None:
        arn = self.some_runtime(data)
        update(self.world.aws, arn.rpartition("/")[2])
        settled(self.world.aws, arn.rpartition("/")[2])
        self.versions[arn] += 1

    @precondition(lambda self: len(self.versions) > 1)
    @rule(data=st.data())
    def delete_runtime(self, data: st.DataObject) -> None:
        arn = self.some_runtime(data)
        self.world.aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
        del self.versions[arn]
        for key in [key for key in self.living if key[0] == arn]:
            self.end(key, "runtime deleted")

    @rule(data=st.data())
    def invoke(self, data: st.DataObject) -> None:
        self.call(self.some_key(data))

    @rule(data=st.data())
    def invoke_many(self, data: st.DataObject) -> None:
        calls = data.draw(st.integers(2, max(2, self.world.ids // 4)))
        keys = [self.some_key(data) for _ in range(calls)]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(self.send, keys))
        for key, answer in zip(keys, answers, strict=True):
            self.called(key, answer)

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        arn, session_id = key = self.some_living(data)
        self.world.aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
        self.end(key, "stopped")

    @rule(data=st.data())
    def stop_what_does_not_live(self, data: st.DataObject) -> None:
        arn, session_id = key = self.some_key(data)
        if key not in self.living:
            stop = self.world.aws.data.stop_runtime_session
            assert refusal(lambda: stop(agentRuntimeArn=arn, runtimeSessionId=session_id))[1] == 404

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        key = self.some_living(data)
        self.world.backend.crash(self.listed(key)["sandboxId"])
        self.pass_time(ROUND, spare=key)
        due = self.living[key].ends_by(self.world.clock.now())
        self.end(key, due if due == "maximum lifetime" else "crashed")

    @precondition(lambda self: self.living)
    @rule(data=st.data(), busy=st.booleans(), then=st.sampled_from([0, 3_600, 28_800]))
    def turn(self, data: st.DataObject, busy: bool, then: int) -> None:
        key = self.some_living(data)
        now = self.world.clock.now()
        status = "HealthyBusy" if busy else "Healthy"
        expected = self.living[key]
        if busy is not expected.busy:
            expected.busy, expected.last_activity = busy, now
        said = {"status": status, "time_of_last_update": expected.last_activity.timestamp()}
        self.world.agents.said[self.port(key)] = (200, said)
        self.rounds(key, lambda session: session["health"] == status)
        self.pass_time(timedelta(seconds=then))

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def fall_ill(self, data: st.DataObject) -> None:
        key = self.some_living(data)
        self.world.agents.said[self.port(key)] = (503, {})
        for failures in range(1, 5):
            self.rounds(key, lambda session: session["failedPings"] == failures, described=True)  # noqa: B023
        if key in self.living:
            self.pass_time(ROUND, spare=key)
            due = self.living[key].ends_by(self.world.clock.now())
            self.end(key, due if due == "maximum lifetime" else "unhealthy")

    @rule(seconds=st.sampled_from([1, 59, 600, 899, 900, 7_200, 28_800]))
    def jump(self, seconds: int) -> None:
        self.pass_time(timedelta(seconds=seconds))

    @invariant()
    def the_engine_agrees(self) -> None:
        def agrees() -> bool:
            listed = [s for s in self.world.sessions() if s["agentRuntimeArn"] in self.versions]
            living = {key_of(s): s for s in listed if s["state"] != "Terminated"}
            latest_end = {key_of(s): s["reason"] for s in reversed(listed) if s["state"] == "Terminated"}
            ended = {key: why for key, why in self.ended.items() if key[0] in self.versions}
            return (
                {key: (s["state"], int(s["agentRuntimeVersion"])) for key, s in living.items()}
                == {key: ("Active" if e.busy else "Idle", e.version) for key, e in self.living.items()}
                and ended.items() <= latest_end.items()
                and set(self.world.backend.running) == {s["sandboxId"] for s in living.values()}
            )

        self.wait(agrees, lambda: f"model {self.living} {self.ended}, engine {self.world.sessions()[:9]}")

    def teardown(self) -> None:
        for arn in self.versions:
            self.world.aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
        self.wait(lambda: self.world.backend.running == {}, lambda: str(self.world.backend.running))
        self.world.agents.said.clear()

    def some_runtime(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.versions)))

    def some_key(self, data: st.DataObject) -> Key:
        number = data.draw(st.integers(0, self.world.ids - 1))
        return self.some_runtime(data), f"session-{number:032}"

    def some_living(self, data: st.DataObject) -> Key:
        return data.draw(st.sampled_from(sorted(self.living)))

    def call(self, key: Key) -> None:
        self.called(key, self.send(key))

    def send(self, key: Key) -> dict[str, str]:
        answer = invoke(self.world.aws, key[0], runtimeSessionId=key[1])
        headers: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
        return headers

    def called(self, key: Key, headers: dict[str, str]) -> None:
        now = self.world.clock.now()
        session = self.living.setdefault(key, Expected(self.versions[key[0]], now, now))
        session.last_activity = now
        assert headers["x-agentcore-lab-version"] == str(session.version)
        self.ended.pop(key, None)

    def end(self, key: Key, reason: str) -> None:
        del self.living[key]
        self.ended[key] = reason

    def pass_time(self, by: timedelta, spare: Key | None = None) -> None:
        """Set the clock ahead and let time end what it ends, but for ``spare``, whose end is the caller's."""
        self.world.clock.advance(by)
        now = self.world.clock.now()
        for key, expected in list(self.living.items()):
            if key != spare and (reason := expected.ends_by(now)):
                self.end(key, reason)

    def rounds(self, key: Key, told: Callable[[dict[str, Any]], bool], *, described: bool = False) -> None:
        """Let health checks pass until the engine has been ``told``, or time has ended the session.

        A check that was under way when the agent changed its mind makes one more round needed.
        """
        for _ in range(3):
            if key not in self.living:
                return
            self.pass_time(ROUND)
            until = time.monotonic() + 2
            while time.monotonic() < until and key in self.living:
                if told(self.described(key) if described else self.listed(key)):
                    return
                time.sleep(0.005)
        assert key not in self.living, f"{key} never told"

    def listed(self, key: Key) -> dict[str, Any]:
        return next(session for session in self.world.sessions() if key_of(session) == key)

    def described(self, key: Key) -> dict[str, Any]:
        session: dict[str, Any] = self.world.engine.fetch(f"sessions/{key[1]}?runtime={key[0]}")["session"]
        return session

    def port(self, key: Key) -> int:
        address = self.world.backend.running[self.listed(key)["sandboxId"]].address
        assert address is not None
        return int(address.rpartition(":")[2])

    def wait(self, holds: Callable[[], bool], what: Callable[[], str]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < until, what()
            time.sleep(0.005)


def key_of(session: dict[str, Any]) -> Key:
    """What the model knows a session by."""
    return session["agentRuntimeArn"], session["sessionId"]


def live(world: World, examples: int, steps: int, *, repeatable: bool) -> None:
    """That many lives of that many steps each; the same every time if ``repeatable``."""
    profile = settings(
        deadline=None,
        database=None,
        derandomize=repeatable,
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],  # a failure tells enough as it is; shrinking it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(cast("type[Lives]", partial(Lives, world)), settings=profile)


def test_model_and_engine_agree(tmp_path: Path) -> None:
    """A few runtimes with a handful of sessions each, in random order but the same every time."""
    with world(tmp_path, runtimes=3, ids=5) as small:
        live(small, examples=25, steps=30, repeatable=True)


@pytest.mark.long
def test_model_and_engine_agree_on_two_hundred_sessions(tmp_path: Path) -> None:
    """Twenty runtimes, two hundred session ids, and another order every time."""
    with world(tmp_path, runtimes=20, ids=200) as large:
        live(large, examples=10, steps=60, repeatable=False)
