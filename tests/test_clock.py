"""The engine's clock: real, set ahead, and what agents say of time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from agentcore_lab.clock import Clock, SystemClock
from agentcore_lab.testing import FakeClock
from tests.patience import PATIENCE

HOUR = timedelta(hours=1)


def machine() -> datetime:
    """What agents see."""
    return datetime.now(UTC)


def test_a_clock_set_ahead_stays_ahead() -> None:
    """All advances add up, and nothing else changes it."""
    clock = SystemClock()
    assert abs(clock.now() - machine()) < timedelta(seconds=5)
    clock.advance(HOUR)
    clock.advance(HOUR)
    assert clock.ahead == 2 * HOUR
    assert abs(clock.now() - machine() - 2 * HOUR) < timedelta(seconds=5)


def test_a_moment_of_the_past_stays_where_it_was() -> None:
    """An agent's time is worth what the clock showed then, however far it was set ahead since."""
    clock = SystemClock()
    before = machine()
    clock.advance(HOUR)
    between = machine()
    clock.advance(HOUR)
    assert clock.at(before) == before
    assert clock.at(between) == between + HOUR
    assert clock.at(machine()) - machine() > 2 * HOUR - timedelta(seconds=5)


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()])
def test_no_clock_goes_back(clock: Clock) -> None:
    """Going back is refused."""
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(-HOUR)


@pytest.mark.parametrize("make", [SystemClock, FakeClock])
async def test_sleepers_wake_when_their_moment_has_come(make: type[Clock]) -> None:
    """An advance from another thread wakes those whose moment has come, and only those."""
    clock = make()
    early = asyncio.create_task(clock.sleep_until(clock.now() + HOUR))
    late = asyncio.create_task(clock.sleep_until(clock.now() + 3 * HOUR))
    await asyncio.sleep(0)
    await asyncio.to_thread(clock.advance, 2 * HOUR)
    await asyncio.wait_for(early, PATIENCE)
    await asyncio.sleep(0.05)
    assert not late.done()
    await asyncio.to_thread(clock.advance, HOUR)
    await asyncio.wait_for(late, PATIENCE)


async def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    """Sleeping until now returns at once."""
    for clock in (SystemClock(), FakeClock()):
        await asyncio.wait_for(clock.sleep_until(clock.now()), PATIENCE)
