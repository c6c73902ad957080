"""What an agent's health checks say, and the traps they fall into."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentcore_lab.runtime.health import (
    REMEMBERED_PINGS,
    Health,
    HealthStatus,
    Report,
    Trap,
    observe,
    read_answer,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH_NOW = int(NOW.timestamp())


def read(body: Any, code: int = 200) -> Report:
    """An answer as an engine reads whose clock is an hour ahead of the agent's."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(code, raw, 7, lambda moment: moment + timedelta(hours=1))


def after(*reports: Report, every: timedelta = timedelta(seconds=2)) -> Health:
    """The health after a series of checks."""
    health = Health()
    for number, report in enumerate(reports):
        health, _ = observe(health, report, NOW + number * every)
    return health


@pytest.mark.parametrize(
    "body", [b"", b"OK", b"\xff\xfe", b"[" * 50_000, b'{"status":"ok"}', b'{"status":"Sick"}', b"[]", b"null"]
)
def test_any_200_is_healthy(body: bytes) -> None:
    """The status decides, whatever the body says or is."""
    assert read(body).status is HealthStatus.HEALTHY


@pytest.mark.parametrize("code", [204, 301, 404, 500, 503])
def test_everything_else_is_not(code: int) -> None:
    """The report names the status that was answered."""
    report = read({"status": "Healthy"}, code)
    assert (report.status, report.problem) == (HealthStatus.UNHEALTHY, f"/ping answered {code}")


def test_the_time_of_last_update_is_translated_into_the_engines_time() -> None:
    """Agents keep the machine's time, whole seconds or fractions of them."""
    report = read({"status": "HealthyBusy", "time_of_last_update": EPOCH_NOW + 0.5})
    assert report.status is HealthStatus.BUSY
    assert report.changed_at == NOW + timedelta(hours=1, seconds=0.5)
    assert report.traps == ()


@pytest.mark.parametrize(
    ("said", "trap"),
    [
        ("2026-01-01T00:00:00Z", Trap.TIME_NOT_A_NUMBER),
        (True, Trap.TIME_NOT_A_NUMBER),
        (float("nan"), Trap.TIME_NOT_A_NUMBER),
        (-1e30, Trap.TIME_NOT_A_NUMBER),
        (1e30, Trap.TIME_IN_FUTURE),
        (float("inf"), Trap.TIME_IN_FUTURE),
        (253402300799, Trap.TIME_IN_FUTURE),
    ],
)
def test_a_time_that_is_none_is_told_and_ignored(said: Any, trap: Trap) -> None:
    """HealthyBusy with it counts as HealthyBusy without."""
    report = read({"status": "HealthyBusy", "time_of_last_update": said})
    assert (report.changed_at, report.traps) == (None, (trap,))
    assert set(after(report).diagnostics) == {trap, Trap.BUSY_WITHOUT_TIME}


def test_milliseconds_lie_in_the_future() -> None:
    """The commonest mistake is named as what it is, once."""
    milliseconds = read({"status": "Healthy", "time_of_last_update": EPOCH_NOW * 1000})
    assert after(*[milliseconds] * 5).diagnostics == (Trap.TIME_IN_FUTURE,)


def test_a_body_that_is_not_json_is_told() -> None:
    """It is healthy, but an agent like this can never say that it is busy."""
    assert after(read(b"pong")).diagnostics == (Trap.NOT_JSON,)
    assert after(read({"status": "ok"})).diagnostics == ()


def test_a_time_that_moves_with_every_check_is_told() -> None:
    """Five moves in succession, with the status as it was, are no coincidence."""
    moving = [Report(HealthStatus.HEALTHY, 1, NOW + timedelta(seconds=2 * n)) for n in range(7)]
    assert after(*moving[:5]).diagnostics == ()
    assert after(*moving).diagnostics == (Trap.TIME_KEEPS_MOVING,)


def test_a_time_that_moves_with_the_status_is_as_it_should_be() -> None:
    """An agent whose work comes and goes is in no trap."""
    statuses = [HealthStatus.HEALTHY, HealthStatus.BUSY] * 6
    reports = [Report(status, 1, NOW + timedelta(seconds=2 * n)) for n, status in enumerate(statuses)]
    assert after(*reports).diagnostics == ()


def test_slow_answers_are_told_when_they_are_no_exception() -> None:
    """One slow answer is a busy machine, two in succession a blocked server."""
    slow, quick = Report(HealthStatus.HEALTHY, 1200), Report(HealthStatus.HEALTHY, 12)
    assert after(slow, quick, slow, quick).diagnostics == ()
    assert after(quick, slow, slow).diagnostics == (Trap.SLOW,)


def test_the_history_keeps_the_last_checks() -> None:
    """When, what and how long, for the last minute."""
    health = after(*[Report(HealthStatus.HEALTHY, number) for number in range(REMEMBERED_PINGS + 10)])
    assert [ping.milliseconds for ping in health.history] == list(range(10, REMEMBERED_PINGS + 10))
    assert health.history[-1].at == NOW + timedelta(seconds=2 * (REMEMBERED_PINGS + 9))
