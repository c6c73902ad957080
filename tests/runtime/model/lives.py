"""The model's state, and the comparison that follows every step."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.runtime.model.agreement import (
    Key,
    differences,
    key_of,
    runtime_as_it_is,
    runtime_as_it_should_be,
    runtimes_as_they_are,
    runtimes_as_they_should_be,
    session_as_it_is,
    session_as_it_should_be,
)
from tests.runtime.model.expected import FAILED, RETRY, ExpectedRuntime, ExpectedSession, Refusal
from tests.runtime.model.world import World

T = TypeVar("T")
Answer = int | Refusal
"""The version that answered, or how the call was refused."""
LONGEST_CALL = timedelta(minutes=15)
LATE: Refusal = ("GatewayTimeoutException", 504)


class LivesSoFar(RuleBasedStateMachine):
    """What should be: ``runtimes`` by ARN, ``living`` sessions, and how sessions ``ended`` in the step under way.

    ``open_calls`` wait for their answers; ``lost_calls`` are those whose session ended first, with the refusals that
    may tell their callers (None: any). ``opened_at`` is when each open call began.
    """

    def __init__(self, world: Callable[[], World]) -> None:
        super().__init__()
        self.world = world()
        self.world.open()
        self.runtimes: dict[str, ExpectedRuntime] = {}
        self.living: dict[Key, ExpectedSession] = {}
        self.ended: dict[Key, str] = {}
        self.touched: set[str] = set()
        self.callers = ThreadPoolExecutor(64)
        self.open_calls: dict[Key, list[Future[Answer]]] = {}
        self.opened_at: dict[Future[Answer], datetime] = {}
        self.lost_calls: list[tuple[Future[Answer], Refusal | None]] = []

    @invariant()
    def the_engine_agrees(self) -> None:
        """Everything that is, is as it should be: sessions, sandboxes, runtimes, versions, endpoints."""
        for call, refused in self.lost_calls:
            answer = call.result(self.world.patience)
            assert answer == refused or (refused is None and not isinstance(answer, int)), (answer, refused)
            self.world.tally.refusals[str(refused and refused[0])] += 1
        self.lost_calls.clear()
        self.wait(lambda: not self.session_differences(), self.session_differences)
        self.wait(lambda: not self.runtime_differences(), self.runtime_differences)
        self.world.tally.endings.update(self.ended.values())
        self.world.tally.compared(len(self.living), len(self.runtimes))
        self.ended.clear()
        self.touched.clear()

    def session_differences(self) -> list[str]:
        listed = self.world.listed()
        living = {key_of(each): each for each in listed if each["state"] != "Terminated"}
        ended = {key_of(each): each["reason"] for each in reversed(listed) if each["state"] == "Terminated"}
        sandboxes, proofs = self.world.running()
        wanted = {(each.id, str(number)) for each in self.runtimes.values() for number in each.proving}
        return [
            *differences(
                {key: session_as_it_is(each) for key, each in living.items()},
                {key: session_as_it_should_be(each) for key, each in self.living.items()},
                "session",
            ),
            *differences({key: ended.get(key) for key in self.ended}, self.ended, "the end of"),
            *(
                f"session {key} began at {living[key]['endpoint']}, not at one of {set(each.endpoints)}"
                for key, each in self.living.items()
                if key in living and living[key]["endpoint"] not in each.endpoints
            ),
            *differences({"are": sandboxes}, {"are": {s["sandboxId"] for s in living.values()}}, "sandboxes"),
            *differences({"run": proofs}, {"run": wanted}, "proofs"),
        ]

    def runtime_differences(self) -> list[str]:
        """The list of all runtimes is compared after every step, in full those that the step touched."""
        all_of_them = differences(
            runtimes_as_they_are(self.world.aws), runtimes_as_they_should_be(self.runtimes), "runtime"
        )
        touched = {arn: self.runtimes[arn] for arn in sorted(self.touched) if arn in self.runtimes}
        return all_of_them or differences(
            {arn: runtime_as_it_is(self.world.aws, each.id) for arn, each in touched.items()},
            {arn: runtime_as_it_should_be(each) for arn, each in touched.items()},
            "runtime",
        )

    def teardown(self) -> None:
        """The end of a life: nothing runs on. What went wrong first is kept, as a repetition may go otherwise."""
        error = sys.exc_info()[1]
        try:
            if error is None:
                self.end_of_all()
            elif isinstance(error, Exception) and not self.world.tally.failure:
                self.world.tally.failure = "".join(traceback.format_exception(error))
        finally:
            self.world.close()
            self.callers.shutdown()

    def end_of_all(self) -> None:
        """Everything is compared once more, then deleted and compared again."""
        self.touched.update(self.runtimes)
        self.the_engine_agrees()
        self.release_all()
        for runtime in self.runtimes.values():
            self.world.aws.control.delete_agent_runtime(agentRuntimeId=runtime.id)
        for key in list(self.living):
            self.end(key, "runtime deleted")
        self.runtimes.clear()
        self.the_engine_agrees()

    def release_all(self) -> None:
        """Let every proof that is held come to an end."""
        for arn, runtime in self.runtimes.items():
            for number in sorted(runtime.proving):
                version = runtime.versions[number]
                version.artifact = self.world.judge(version.artifact, self.world.proofs[0])
                self.judged(arn, number)

    def judged(self, arn: str, number: int) -> None:
        """The proof of a version ends, and all that waited for it has settled on return."""
        self.runtimes[arn].judge(number)
        self.settle(arn)

    def settle(self, arn: str) -> None:
        """Wait until a runtime is as it should be."""
        should = runtime_as_it_should_be(self.runtimes[arn])

        def unlike() -> list[str]:
            is_ = runtime_as_it_is(self.world.aws, self.runtimes[arn].id)
            return differences(is_, should, f"settling {arn},")

        self.touched.add(arn)
        self.wait(lambda: not unlike(), unlike)

    def did(self, what: str) -> None:
        self.world.tally.did[what] += 1

    def attempt(self, call: Callable[[], T], refused: Refusal | None) -> T | None:
        """The answer of a call; None if it is refused as it should be."""
        if refused is None:
            return call()
        with pytest.raises(ClientError) as caught:
            call()
        assert refusal_of(caught.value) == refused, caught.value
        self.world.tally.refusals[refused[0]] += 1
        return None

    def end(self, key: Key, reason: str) -> None:
        session = self.living.pop(key)
        self.ended[key] = reason
        refused = RETRY if session.starting and reason != "start failed" else FAILED
        self.lost_calls += [(call, refused) for call in self.open_calls.pop(key, ())]

    def pass_time(self, by: timedelta, spare: Key | None = None) -> None:
        """Set the clock ahead and let time end what it ends, but for ``spare``, whose end is the caller's."""
        self.world.clock.advance(by)
        now = self.world.clock.now()
        late = {key: self.time_out(key, now) for key in list(self.open_calls)}
        for key, expected in list(self.living.items()):
            if key != spare and (reason := expected.ends_by(now)):
                self.end(key, reason)
        for key, calls in late.items():
            # Whether a call or its session ends first is not to be told where both end at the same moment.
            self.lost_calls += [(call, LATE if key in self.living else None) for call in calls]

    def time_out(self, key: Key, now: datetime) -> list[Future[Answer]]:
        """The calls of a session that have waited for as long as a call may, taken from it."""
        if self.living[key].starting:
            return []
        calls = self.open_calls.pop(key)
        late = [call for call in calls if self.opened_at[call] + LONGEST_CALL <= now]
        if waiting := [call for call in calls if call not in late]:
            self.open_calls[key] = waiting
        if late:
            self.living[key].calls, self.living[key].last_activity = len(waiting), now
        return late

    def some_runtime(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.runtimes)))

    def some_living(self, data: st.DataObject) -> Key:
        return data.draw(st.sampled_from(self.in_order(self.living)))

    def started(self) -> list[Key]:
        """The living sessions that are past their start."""
        return self.in_order(key for key, each in self.living.items() if not each.starting)

    def in_order(self, keys: Iterable[Key]) -> list[Key]:
        """Sessions by the age of their runtimes, whose ARNs are others every time, and by their own ids."""
        ages = {arn: age for age, arn in enumerate(self.runtimes)}
        return sorted(keys, key=lambda key: (ages[key[0]], key[1]))

    def is_starting(self, key: Key) -> bool:
        return key in self.living and self.living[key].starting

    def sandbox(self, key: Key) -> str:
        return next(str(each["sandboxId"]) for each in self.world.listed() if key_of(each) == key)

    def wait(self, holds: Callable[[], bool], what: Callable[[], Any]) -> None:
        """Wait, in real time, for what happens in the background."""
        until = time.monotonic() + self.world.patience
        while not holds():
            assert time.monotonic() < until, what()
            time.sleep(0.005)


def refusal_of(error: ClientError) -> Refusal:
    """Code and HTTP status of a refusal."""
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
