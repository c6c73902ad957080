"""The session as a value: every edge of its life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentcore_lab.runtime.session import (
    Dispose,
    Ended,
    Event,
    Healthy,
    Reason,
    RequestBegan,
    RequestEnded,
    Session,
    State,
    Tick,
    deadline,
    step,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Session(
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


@pytest.mark.parametrize(("minutes", "state"), [(14, State.IDLE), (15, State.TERMINATED)])
def test_a_tick_ends_what_is_due(minutes: int, state: State) -> None:
    """A session whose deadline has not come is left as it is."""
    session = after(after(NEW, Healthy()), Tick(), at=timedelta(minutes=minutes))
    assert session.state is state


def test_what_has_ended_has_no_deadline() -> None:
    """Terminated is final."""
    ended = after(NEW, Ended(Reason.SHUTDOWN))
    assert deadline(ended) is None
    assert replace(ended, reason=None, ended_at=None, state=State.PROVISIONING) == NEW
