"""The session as a value: every edge of its life."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.health import HealthStatus, Report
from agentcore_lab.runtime.session import (
    TRANSITIONS,
    Ask,
    Dispose,
    Ended,
    Event,
    Flowed,
    Healthy,
    Pinged,
    RequestBegan,
    RequestEnded,
    Session,
    State,
    Tick,
    Turn,
    deadline,
    next_look,
    step,
)

DIAGRAM = Path(__file__).parents[2] / "docs" / "sessions.md"
START = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Session(
    scope=Scope("123456789012", "us-west-2"),
    runtime_id="hello-0123456789",
    session_id="s" * 33,
    incarnation="one",
    version=1,
    endpoint="DEFAULT",
    architecture="arm64",
    created_at=START,
    idle_timeout=timedelta(minutes=15),
    max_lifetime=timedelta(hours=8),
    last_activity_at=START,
)


def after(session: Session, *events: Event, at: timedelta = timedelta()) -> Session:
    """The session once all ``events`` have happened, ``at`` after the start."""
    for event in events:
        session, _ = step(session, event, START + at)
    return session


def says(status: HealthStatus, changed: timedelta | None = None) -> Pinged:
    """A health check answered at once; ``changed`` is its time_of_last_update, after the start."""
    return Pinged(Report(status, 3, None if changed is None else START + changed))


BUSY = says(HealthStatus.BUSY, timedelta())
FAILS = Pinged(Report(HealthStatus.UNHEALTHY, 3, problem="/ping answered 503"))
REACH: dict[State, tuple[Event, ...]] = {
    State.PROVISIONING: (),
    State.IDLE: (Healthy(),),
    State.ACTIVE: (Healthy(), RequestBegan()),
}
TURNS: dict[Turn, tuple[Event, ...]] = {
    Turn.FIRST_HEALTHY: (Healthy(),),
    Turn.CALL: (RequestBegan(),),
    Turn.BUSY: (BUSY,),
    Turn.TRAFFIC: (Flowed(),),
    Turn.LAST_ANSWERED: (RequestEnded(),),
    Turn.NO_LONGER_BUSY: (BUSY, RequestEnded(), says(HealthStatus.HEALTHY, timedelta())),
}
MINUTES_15, HOURS_8 = timedelta(minutes=15), timedelta(hours=8)


def walk(state: State, edge: Turn | Reason) -> Session:
    """The session after it went to ``state`` and then along ``edge``, by events alone."""
    session = after(NEW, *REACH[state])
    match edge:
        case Turn.QUIET:
            return after(after(session, Flowed(), RequestEnded()), Tick(), at=session.ping_every)
        case Reason.IDLE:
            return after(session, Tick(), says(HealthStatus.HEALTHY), at=MINUTES_15)
        case Reason.MAX_LIFETIME:
            return after(session, Tick(), says(HealthStatus.HEALTHY, HOURS_8), at=HOURS_8)
        case Reason.UNHEALTHY:
            return after(session, *[FAILS] * session.unhealthy_after)
        case Reason():
            return after(session, Ended(edge))
        case _:
            return after(session, *TURNS[edge])


@pytest.mark.parametrize(("state", "edge"), TRANSITIONS, ids=str)
def test_every_edge_leads_where_the_table_says(state: State, edge: Turn | Reason) -> None:
    """Each transition of the table is walked by the events a running engine has for it."""
    session = walk(state, edge)
    assert session.state is TRANSITIONS[state, edge]
    assert session.reason == (edge if isinstance(edge, Reason) else None)
    assert session.alive == (session.detail is None) == (session.ended_at is None)


def test_every_edge_of_the_table_ends_or_leads_on() -> None:
    """From every state a session can end, and nothing leads out of Terminated."""
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.TERMINATED}
    for (_, edge), target in TRANSITIONS.items():
        assert isinstance(edge, Reason) == (target is State.TERMINATED)


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    """docs/sessions.md draws the same edges, no more and no fewer."""
    assert set(drawn()) == {(state, str(edge), target) for (state, edge), target in TRANSITIONS.items()}


def drawn() -> Iterator[tuple[str, str, str]]:
    """The edges of the diagram; one line may draw several, divided by commas."""
    for source, target, words in re.findall(r"^ +(\w+) --> (\w+): (.+)$", DIAGRAM.read_text(), re.MULTILINE):
        for word in words.split(", "):
            yield source, word, target


def test_an_end_the_table_does_not_know_is_an_error() -> None:
    """A session that is still being started cannot be idle: the engine would be wrong to say so."""
    with pytest.raises(KeyError):
        step(NEW, Ended(Reason.IDLE), START)


@pytest.mark.parametrize(
    ("events", "state", "in_flight"),
    [
        ((), State.PROVISIONING, 0),
        ((Healthy(),), State.IDLE, 0),
        ((Healthy(), RequestBegan()), State.ACTIVE, 1),
        ((Healthy(), RequestBegan(), RequestBegan()), State.ACTIVE, 2),
        ((Healthy(), RequestBegan(), RequestBegan(), RequestEnded()), State.ACTIVE, 1),
        ((Healthy(), RequestBegan(), RequestEnded()), State.IDLE, 0),
        ((Ended(Reason.START_FAILED),), State.TERMINATED, 0),
        ((Healthy(), RequestBegan(), Ended(Reason.STOPPED)), State.TERMINATED, 0),
    ],
)
def test_state_follows_from_what_happened(events: tuple[Event, ...], state: State, in_flight: int) -> None:
    """Active while anything is being answered, Idle otherwise, Terminated for good."""
    session = after(NEW, *events)
    assert (session.state, session.in_flight) == (state, in_flight)


def test_the_end_asks_once_for_the_disposal_of_this_incarnation() -> None:
    """A second end changes nothing and disposes of nothing: the id may have a successor by then."""
    session, effects = step(after(NEW, Healthy()), Ended(Reason.STOPPED), START)
    assert effects == (Dispose("one"),)
    assert step(session, Ended(Reason.CRASHED), START) == (session, ())


def test_idle_time_counts_from_the_end_of_the_last_call() -> None:
    """While a call is answered only the maximum lifetime counts."""
    busy = after(NEW, Healthy(), RequestBegan(), at=timedelta(minutes=5))
    assert deadline(busy) == (START + timedelta(hours=8), Reason.MAX_LIFETIME)
    idle = after(busy, RequestEnded(), at=timedelta(minutes=20))
    assert deadline(idle) == (START + timedelta(minutes=35), Reason.IDLE)


def test_the_maximum_lifetime_wins_when_it_comes_first() -> None:
    """A session idle for a minute still ends at eight hours."""
    late = after(NEW, Healthy(), RequestBegan(), RequestEnded(), at=timedelta(hours=7, minutes=59))
    assert deadline(late) == (START + timedelta(hours=8), Reason.MAX_LIFETIME)


def test_the_agent_has_the_word_before_its_session_ends_as_idle() -> None:
    """A due idle time-out asks; the answer, whether it says anything or fails, ends the session."""
    idle = after(NEW, Healthy())
    assert step(idle, Tick(), START)[1] == ()
    asked, effects = step(idle, Tick(), START + MINUTES_15)
    assert (asked.state, effects) == (State.IDLE, (Ask("one"),))
    assert next_look(asked, START + MINUTES_15) == START + MINUTES_15 + timedelta(seconds=2)
    for answer in (says(HealthStatus.HEALTHY), FAILS):
        assert after(asked, answer, at=MINUTES_15).reason is Reason.IDLE


def test_what_would_have_come_first_ends_a_session_however_far_the_clock_jumps() -> None:
    """Past both its deadlines an idle session ends as idle, and one that is not idle for its lifetime."""
    asked, effects = step(after(NEW, Healthy()), Tick(), START + HOURS_8)
    assert effects == (Ask("one"),)
    assert after(asked, says(HealthStatus.HEALTHY), at=HOURS_8).reason is Reason.IDLE
    changed = says(HealthStatus.HEALTHY, HOURS_8 - timedelta(minutes=1))
    assert after(asked, changed, at=HOURS_8).reason is Reason.MAX_LIFETIME


def test_an_answer_that_tells_of_a_change_saves_an_idle_session() -> None:
    """The clock was set ahead while the agent had begun to work: it says so when it is asked."""
    asked = after(after(NEW, Healthy()), Tick(), at=MINUTES_15)
    busy = after(asked, says(HealthStatus.BUSY, timedelta(minutes=14)), at=MINUTES_15)
    assert (busy.state, busy.busy) == (State.ACTIVE, True)
    changed = after(asked, says(HealthStatus.HEALTHY, timedelta(minutes=14)), at=MINUTES_15)
    assert deadline(changed) == (START + timedelta(minutes=29), Reason.IDLE)


def test_sessions_are_asked_in_rounds() -> None:
    """Sessions that started at different moments are asked at the same ones, every two seconds."""
    one = after(NEW, Healthy(), at=timedelta(seconds=0.3))
    other = after(NEW, Healthy(), at=timedelta(seconds=1.9))
    assert one.asks_at == other.asks_at == START + timedelta(seconds=2)
    asked, effects = step(one, Tick(), START + timedelta(seconds=2))
    assert (effects, asked.asks_at) == ((Ask("one"),), START + timedelta(seconds=4))
    assert step(asked, Tick(), START + timedelta(seconds=3)) == (asked, ())


def test_a_busy_agent_keeps_its_session_active_until_its_maximum_lifetime() -> None:
    """HealthyBusy with a time that can be true counts as activity, long after the last call."""
    busy = after(NEW, Healthy(), RequestBegan(), BUSY, RequestEnded())
    assert (busy.state, busy.in_flight) == (State.ACTIVE, 0)
    assert deadline(busy) == (START + HOURS_8, Reason.MAX_LIFETIME)
    late = after(busy, BUSY, Tick(), at=timedelta(hours=7))
    assert late.state is State.ACTIVE


def test_idle_time_counts_from_the_change_back_to_healthy() -> None:
    """The agent says when its work ended; one that keeps it to itself is idle since it was asked."""
    busy = after(NEW, Healthy(), BUSY)
    told = after(busy, says(HealthStatus.HEALTHY, timedelta(minutes=50)), at=timedelta(minutes=60))
    assert deadline(told) == (START + timedelta(minutes=65), Reason.IDLE)
    silent = after(busy, says(HealthStatus.HEALTHY), at=timedelta(minutes=60))
    assert deadline(silent) == (START + timedelta(minutes=75), Reason.IDLE)


def test_busy_without_a_time_is_reaped_at_the_last_call_plus_the_idle_time_out() -> None:
    """Measured on AWS: 60 seconds of idle time-out, reaped after 61."""
    session = after(
        replace(NEW, idle_timeout=timedelta(seconds=60)), Healthy(), RequestBegan(), RequestEnded()
    )
    for second in range(0, 60, 2):
        session = after(session, Tick(), says(HealthStatus.BUSY), at=timedelta(seconds=second))
        assert session.state is State.IDLE
    session = after(session, Tick(), says(HealthStatus.BUSY), at=timedelta(seconds=60))
    assert session.reason is Reason.IDLE


def test_a_time_that_moves_with_every_answer_keeps_a_healthy_session_from_idling() -> None:
    """Measured on AWS: Healthy with time_of_last_update = now on every ping never idles."""
    session = after(NEW, Healthy())
    for minute in range(0, 8 * 60, 10):
        now = timedelta(minutes=minute)
        session = after(session, Tick(), says(HealthStatus.HEALTHY, now), at=now)
        assert session.state is State.IDLE
    assert after(session, Tick(), at=HOURS_8).reason is Reason.MAX_LIFETIME


def test_a_time_in_the_future_counts_for_nothing() -> None:
    """Milliseconds for seconds would else keep a session alive for ever."""
    session = after(NEW, Healthy(), says(HealthStatus.BUSY, timedelta(days=20_000)))
    assert (session.state, session.last_activity_at) == (State.IDLE, START)
    ahead = after(NEW, Healthy(), says(HealthStatus.BUSY, timedelta(seconds=4)))
    assert (ahead.state, ahead.last_activity_at) == (State.ACTIVE, START)  # a clock may be a little ahead


def test_one_good_answer_clears_the_failed_ones() -> None:
    """Only failures in succession end a session."""
    session = after(NEW, Healthy(), *[FAILS] * 4, says(HealthStatus.HEALTHY), *[FAILS] * 4)
    assert session.state is State.IDLE
    assert session.health.failures == 4
    ended = after(session, FAILS)
    assert ended.detail is not None
    assert ended.detail.startswith(
        "Runtime health check failed or timed out. Please make sure that health check"
    )
    assert "/ping answered 503" in ended.detail


def test_a_busy_agent_that_fails_a_check_is_still_busy() -> None:
    """What it said last holds until it says otherwise or is found unhealthy."""
    assert after(NEW, Healthy(), BUSY, FAILS).state is State.ACTIVE


def test_what_has_ended_has_no_deadline() -> None:
    """Terminated is final."""
    ended = after(NEW, Ended(Reason.SHUTDOWN))
    assert deadline(ended) is None
    assert next_look(ended, START) is None
    assert replace(ended, reason=None, detail=None, ended_at=None, state=State.PROVISIONING) == NEW


def test_a_silent_websocket_idles_from_its_last_frame() -> None:
    """Frames make and keep a session Active; a round after the last one it is Idle, and was since that frame."""
    second = timedelta(seconds=1)
    flowing = after(after(NEW, Healthy()), Flowed(), at=10 * second)
    assert flowing.state is State.ACTIVE
    assert after(flowing, Tick(), at=11 * second).state is State.ACTIVE
    quiet = after(flowing, Tick(), at=12 * second)
    assert (quiet.state, quiet.last_activity_at) == (State.IDLE, START + 10 * second)
    assert deadline(quiet) == (START + 10 * second + MINUTES_15, Reason.IDLE)


def test_a_jump_of_the_clock_ends_a_session_with_a_silent_websocket() -> None:
    """One look is enough: the silence is noticed and the agent asked, though the frame before it held the session."""
    flowing = after(NEW, Healthy(), Flowed())
    asked, effects = step(flowing, Tick(), START + MINUTES_15)
    assert effects == (Ask("one"),)
    assert after(asked, says(HealthStatus.HEALTHY), at=MINUTES_15).reason is Reason.IDLE


@pytest.mark.parametrize("held", [RequestBegan(), BUSY], ids=["call", "busy"])
def test_silence_ends_nothing_that_is_held_otherwise(held: Event) -> None:
    """A call that is open, or HealthyBusy, keeps a session Active when its WebSocket falls silent."""
    session = after(NEW, Healthy(), Flowed(), held)
    assert after(session, Tick(), at=session.ping_every).state is State.ACTIVE


@pytest.mark.parametrize(
    "release", [RequestEnded(), says(HealthStatus.HEALTHY, timedelta())], ids=["call", "busy"]
)
def test_traffic_holds_a_session_whose_last_call_is_answered(release: Event) -> None:
    """The end of a call, or of HealthyBusy, leaves a session Active whose WebSocket is in use."""
    taken = RequestBegan() if isinstance(release, RequestEnded) else BUSY
    assert after(NEW, Healthy(), taken, Flowed(), release).state is State.ACTIVE
