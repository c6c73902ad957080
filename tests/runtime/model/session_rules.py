"""What may happen to sessions, and to time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.runtime.model.agreement import Key
from tests.runtime.model.call_rules import CallLives
from tests.runtime.model.expected import NOT_FOUND, RETRY

ROUND = timedelta(seconds=2)
UNHEALTHY_AFTER = 5


class SessionLives(CallLives):
    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.did("stop")
        arn, number = key = self.some_living(data)
        refused = RETRY if self.is_starting(key) else None
        stop = self.world.aws.data.stop_runtime_session
        if self.attempt(lambda: stop(agentRuntimeArn=arn, runtimeSessionId=number), refused):
            self.end(key, "stopped")

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def stop_what_does_not_live(self, data: st.DataObject) -> None:
        (arn, number), _ = self.some_call(data)
        if (arn, number) not in self.living:
            self.did("stop what does not live")
            stop = self.world.aws.data.stop_runtime_session
            self.attempt(lambda: stop(agentRuntimeArn=arn, runtimeSessionId=number), NOT_FOUND)

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self.did("crash")
        key = self.some_living(data)
        self.world.crash(self.sandbox(key))
        if self.is_starting(key):
            self.end(key, "start failed")
        elif self.living[key].calls:  # which break off, and tell
            self.end(key, "crashed")
        else:
            self.last_round(key, "crashed")

    @precondition(lambda self: self.started())
    @rule(data=st.data(), busy=st.booleans(), then=st.sampled_from([0, 3_600, 28_800]))
    def turn(self, data: st.DataObject, busy: bool, then: int) -> None:
        """An agent says that it works on, or that it no longer does."""
        status = "HealthyBusy" if busy else "Healthy"
        self.did(status)
        key = data.draw(st.sampled_from(self.started()))
        expected = self.living[key]
        if busy is not expected.busy:
            expected.busy, expected.last_activity = busy, self.world.clock.now()
        said = {"status": status, "time_of_last_update": expected.last_activity.timestamp()}
        self.world.say(self.sandbox(key), 200, said)
        self.rounds(key, lambda session: session["pings"][-1:] and session["pings"][-1]["status"] == status)
        self.pass_time(timedelta(seconds=then))

    @precondition(lambda self: self.started())
    @rule(data=st.data())
    def fall_ill(self, data: st.DataObject) -> None:
        self.did("fall ill")
        key = data.draw(st.sampled_from(self.started()))
        self.world.say(self.sandbox(key), 503, {})
        for failed in range(1, UNHEALTHY_AFTER):
            self.rounds(key, lambda session: session["failedPings"] >= failed)  # noqa: B023 - called at once
        if key in self.living:
            self.last_round(key, "unhealthy")

    @rule(seconds=st.sampled_from([1, 59, 600, 899, 900, 7_200, 28_800]))
    def jump(self, seconds: int) -> None:
        self.did("clock jump")
        self.pass_time(timedelta(seconds=seconds))

    @rule(really=st.integers(0, 3))
    def restart(self, really: int) -> None:
        """An engine that ends takes its sessions along; what was moving goes on moving."""
        if really == 0:
            self.did("engine restart")
            self.world.restart()
            self.lost_calls += [(call, None) for calls in self.open_calls.values() for call in calls]
            self.open_calls.clear()
            self.living.clear()
            self.touched.update(self.runtimes)

    def last_round(self, key: Key, reason: str) -> None:
        """One more round of health checks, which ends the session unless its lifetime is over anyway."""
        self.pass_time(ROUND, spare=key)
        due = self.living[key].ends_by(self.world.clock.now())
        self.end(key, due if due == "maximum lifetime" else reason)

    def rounds(self, key: Key, told: Callable[[dict[str, Any]], bool]) -> None:
        """Let health checks pass until the engine has been ``told``, or time has ended the session.

        A check that was under way when the agent changed its mind makes one more round needed.
        """
        for _ in range(3):
            if key not in self.living or told(self.described(key)):
                return
            self.pass_time(ROUND)
            until = time.monotonic() + self.world.answer
            while time.monotonic() < until and key in self.living:
                if told(self.described(key)):
                    return
                time.sleep(0.005)
        assert key not in self.living, f"{key} never told: {self.described(key)}"

    def described(self, key: Key) -> dict[str, Any]:
        session: dict[str, Any] = self.world.engine.fetch(f"sessions/{key[1]}?runtime={key[0]}")["session"]
        return session
