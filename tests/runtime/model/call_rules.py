"""Calls: one after the other, at once, and such that are answered only when they are let go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from itertools import groupby

from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.runtime.model.agreement import Key, key_of
from tests.runtime.model.expected import DEFAULT, ExpectedSession
from tests.runtime.model.lives import Answer, LivesSoFar, refusal_of
from tests.runtime.model.world import HOLD
from tests.runtime.test_invocations import invoke

CALLERS = 16

Call = tuple[Key, str]
"""A session, and the endpoint it is called through."""


class CallLives(LivesSoFar):
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
    @rule()
    def crowd(self) -> None:
        self.did("all sessions called at once")
        self.fill()

    def fill(self) -> None:
        """Call every session that does not live, so that there are as many as there can be."""
        self.call_all([(key, DEFAULT) for key in self.all_keys() if key not in self.living])

    def all_keys(self) -> list[Key]:
        """Every session there could be."""
        return [(arn, session_id(number)) for arn in self.runtimes for number in range(self.world.ids)]

    @precondition(
        lambda self: any(each.live for r in self.runtimes.values() for each in r.endpoints.values())
    )
    @rule(data=st.data(), callers=st.integers(1, 3), seconds=st.sampled_from([-1, 1, 60, 1_000]))
    def call_and_hold(self, data: st.DataObject, callers: int, seconds: int) -> None:
        """Calls whose answers the agent keeps back for so long; -1: until another step lets them go."""
        key, qualifier = self.some_call(data)
        if self.runtimes[key[0]].refuses_call(qualifier) or self.is_starting(key):
            return
        self.did("calls held")
        self.hold([(key, qualifier)] * callers)
        self.wait(lambda: self.in_flight(key) == self.living[key].calls, lambda: f"{key} is not called")
        if seconds > 0:
            self.pass_time(timedelta(seconds=seconds))
            if key in self.open_calls:
                self.answer(key)

    def hold(self, calls: Sequence[Call], payload: bytes = HOLD) -> None:
        """Begin calls to one session, which may not live yet."""
        (key, qualifier), now = calls[0], self.world.clock.now()
        version = self.runtimes[key[0]].endpoints[qualifier].live
        assert version is not None
        if key not in self.living:
            self.begin(key, version, frozenset({qualifier}))
        session = self.living[key]
        session.calls, session.last_activity = session.calls + len(calls), now
        held: list[Future[Answer]] = [self.callers.submit(self.send, call, payload) for call in calls]
        self.open_calls.setdefault(key, []).extend(held)
        self.opened_at |= dict.fromkeys(held, now)
        self.world.tally.calls += len(calls)

    @precondition(lambda self: self.some_answerable())
    @rule(data=st.data())
    def answer_what_is_held(self, data: st.DataObject) -> None:
        self.did("held calls answered")
        self.answer(data.draw(st.sampled_from(self.some_answerable())))

    def answer(self, key: Key) -> None:
        """Let a session's calls be answered: again and again, as some may reach the agent only now."""
        session, calls = self.living[key], self.open_calls.pop(key)
        sandbox, until = self.sandbox(key), time.monotonic() + self.world.patience
        while any(not call.done() for call in calls) and time.monotonic() < until:
            self.world.release(sandbox)
            wait(calls, timeout=0.2)
        for call in calls:
            assert call.result(0) == session.version
        session.calls, session.last_activity = 0, self.world.clock.now()

    def call_all(self, calls: Sequence[Call]) -> None:
        """Make all these calls at once and compare what each was answered with what it should be."""
        calls = [call for call in calls if not self.is_starting(call[0])]  # they would wait for it
        with ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(self.send, calls))
        self.world.tally.calls += len(calls)
        made = sorted(zip(calls, answers, strict=True), key=lambda each: each[0])
        for key, of_one in groupby(made, key=lambda each: each[0][0]):
            self.called(key, [(qualifier, answer) for (_, qualifier), answer in of_one])

    def send(self, call: Call, payload: bytes = b"{}") -> Answer:
        (arn, number), qualifier = call
        try:
            answer = invoke(self.world.aws, arn, payload, qualifier=qualifier, runtimeSessionId=number)
        except ClientError as error:
            return refusal_of(error)
        except BotoCoreError as error:  # the engine itself went away
            return type(error).__name__, 0
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
            self.begin(key, version, began)
        assert self.living[key].version == version
        self.living[key].last_activity = now

    def begin(self, key: Key, version: int, endpoints: frozenset[str]) -> None:
        now = self.world.clock.now()
        times = self.runtimes[key[0]].versions[version].times
        self.living[key] = ExpectedSession(version, endpoints, times, now, now)
        self.world.tally.sessions += 1
        self.ended.pop(key, None)

    def some_answerable(self) -> list[Key]:
        """The sessions that hold calls back."""
        return self.in_order(key for key, each in self.living.items() if each.calls)

    def in_flight(self, key: Key) -> int:
        return sum(each["inFlight"] for each in self.world.listed() if key_of(each) == key)

    def some_qualifier(self, data: st.DataObject, arn: str) -> str:
        return data.draw(st.sampled_from(sorted({*self.runtimes[arn].endpoints, "blue"})))

    def some_call(self, data: st.DataObject) -> Call:
        arn, number = self.some_runtime(data), data.draw(st.integers(0, self.world.ids - 1))
        return (arn, session_id(number)), self.some_qualifier(data, arn)


def session_id(number: int) -> str:
    """AWS: at least 33 characters."""
    return f"session-{number:032}"
