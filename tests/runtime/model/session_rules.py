"""What may happen to sessions, and to time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.runtime.model.agreement import Key, key_of
from tests.runtime.model.expected import DEFAULT, NOT_FOUND, ExpectedSession, Refusal
from tests.runtime.model.lives import LivesSoFar, refusal_of
from tests.runtime.test_invocations import invoke

ROUND = timedelta(seconds=2)
UNHEALTHY_AFTER = 5
CALLERS = 16

Call = tuple[Key, str]
"""A session, and the endpoint it is called through."""
Answer = int | Refusal
"""The version that answered, or how the call was refused."""


class SessionLives(LivesSoFar):
    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        self.did("call")
        self.call_all([self.some_call(data)])

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def call_many(self, data: st.DataObject) -> None:
        self.did("many calls at once")
        calls = data.draw(st.integers(2, max(3, self.world.ids)))
        self.call_all([self.some_call(data) for _ in range(calls)])

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data(), callers=st.integers(2, 6))
    def call_one_at_once(self, data: st.DataObject, callers: int) -> None:
        """First calls, if the session does not live: through any endpoints, which may serve other versions."""
        self.did("one session called at once")
        key, _ = self.some_call(data)
        self.call_all([(key, self.some_qualifier(data, key[0])) for _ in range(callers)])

    @precondition(lambda self: len(self.living) < self.world.ids * len(self.runtimes))
    @rule(data=st.data())
    def crowd(self, data: st.DataObject) -> None:
        self.did("all sessions called at once")
        self.fill()

    def fill(self) -> None:
        """Call every session that does not live, so that there are as many as there can be."""
        keys = [(arn, session_id(number)) for arn in sorted(self.runtimes) for number in range(self.world.ids)]
        self.call_all([(key, DEFAULT) for key in keys if key not in self.living])

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.did("stop")
        arn, number = key = self.some_living(data)
        self.world.aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=number)
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
        self.last_round(key, "crashed")

    @precondition(lambda self: self.living)
    @rule(data=st.data(), busy=st.booleans(), then=st.sampled_from([0, 3_600, 28_800]))
    def turn(self, data: st.DataObject, busy: bool, then: int) -> None:
        """An agent says that it works on, or that it no longer does."""
        status = "HealthyBusy" if busy else "Healthy"
        self.did(status)
        key = self.some_living(data)
        expected = self.living[key]
        if busy is not expected.busy:
            expected.busy, expected.last_activity = busy, self.world.clock.now()
        said = {"status": status, "time_of_last_update": expected.last_activity.timestamp()}
        self.world.say(self.sandbox(key), 200, said)
        self.rounds(key, lambda session: session["pings"][-1:] and session["pings"][-1]["status"] == status)
        self.pass_time(timedelta(seconds=then))

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def fall_ill(self, data: st.DataObject) -> None:
        self.did("fall ill")
        key = self.some_living(data)
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
            self.living.clear()
            self.touched.update(self.runtimes)

    def call_all(self, calls: Sequence[Call]) -> None:
        """Make all these calls at once and compare what each was answered with what it should be."""
        with ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(self.send, calls))
        self.world.tally.calls += len(calls)
        made = sorted(zip(calls, answers, strict=True), key=lambda each: each[0])
        for key, of_one in groupby(made, key=lambda each: each[0][0]):
            self.called(key, [(qualifier, answer) for (_, qualifier), answer in of_one])

    def send(self, call: Call) -> Answer:
        (arn, number), qualifier = call
        try:
            answer = invoke(self.world.aws, arn, qualifier=qualifier, runtimeSessionId=number)
        except ClientError as error:
            return refusal_of(error)
        return int(answer["ResponseMetadata"]["HTTPHeaders"]["x-agentcore-lab-version"])

    def called(self, key: Key, answers: Sequence[tuple[str, Answer]]) -> None:
        """Of calls to one session each is refused if its endpoint serves nothing; the others meet one version."""
        runtime, now = self.runtimes[key[0]], self.world.clock.now()
        expected = [(qualifier, runtime.refuses_call(qualifier), answer) for qualifier, answer in answers]
        for qualifier, refused, answer in expected:
            assert (refused is None) is isinstance(answer, int), (key, qualifier, refused, answer)
            if refused:
                assert answer == refused, (key, qualifier)
                self.world.tally.refusals[refused[0]] += 1
        through = {qualifier: answer for qualifier, refused, answer in expected if not refused}
        if not through:
            return
        (version,) = set(through.values())
        assert isinstance(version, int)
        if key not in self.living:
            began = frozenset(name for name in through if runtime.endpoints[name].live == version)
            assert began, f"{key} began on version {version}, which none of {set(through)} serves"
            times = runtime.versions[version].times
            self.living[key] = ExpectedSession(version, began, times, now, now)
            self.world.tally.sessions += 1
            self.ended.pop(key, None)
        assert self.living[key].version == version
        self.living[key].last_activity = now

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

    def sandbox(self, key: Key) -> str:
        return next(str(each["sandboxId"]) for each in self.world.listed() if key_of(each) == key)

    def some_qualifier(self, data: st.DataObject, arn: str) -> str:
        return data.draw(st.sampled_from(sorted({*self.runtimes[arn].endpoints, "blue"})))

    def some_call(self, data: st.DataObject) -> Call:
        arn, number = self.some_runtime(data), data.draw(st.integers(0, self.world.ids - 1))
        return (arn, session_id(number)), self.some_qualifier(data, arn)


def session_id(number: int) -> str:
    """AWS: at least 33 characters."""
    return f"session-{number:032}"
