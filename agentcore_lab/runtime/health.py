"""What an agent's health checks say, read as AWS reads them.

AWS: runtime-http-protocol-contract, and what was measured in the field (docs/sessions.md names the source of each
rule). Any 200 is healthy, whatever its body. ``HealthyBusy`` counts as activity only with a ``time_of_last_update``
that can be true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from agentcore_lab.json_text import read_json
from agentcore_lab.runtime.limits import SLOW_PING_SECONDS

REMEMBERED_PINGS = 30
"""A minute's worth of health checks is kept with each session."""

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far an agent's clock may be ahead: a container engine in a virtual machine drifts."""

_MOVES_TO_TELL = 5
_SLOW_TO_TELL = 2


class HealthStatus(StrEnum):
    """The word of one health check; the first two are AWS's."""

    HEALTHY = "Healthy"
    BUSY = "HealthyBusy"
    UNHEALTHY = "Unhealthy"


class Trap(StrEnum):
    """What agents get wrong, one sentence each, for whoever reads a session's diagnostics."""

    BUSY_WITHOUT_TIME = (
        "/ping says HealthyBusy without a usable time_of_last_update: that keeps no session alive, on AWS neither, "
        "and this one ends when the idle time-out has passed since its last call; answer with the time of the "
        "last change of status, in seconds since 1970."
    )
    TIME_KEEPS_MOVING = (
        "/ping answers with a new time_of_last_update every time: each counts as a change of status, so the session "
        "never becomes idle and costs until its maximum lifetime; let it change only when the status does."
    )
    TIME_IN_FUTURE = (
        "time_of_last_update lies in the future and is ignored: it has to be seconds, not milliseconds, since 1970 "
        "in UTC."
    )
    TIME_NOT_A_NUMBER = "time_of_last_update is not a number of seconds since 1970 and is ignored."
    NOT_JSON = (
        "/ping answers 200 with a body that is no JSON object: that counts as healthy, but the agent cannot say "
        "HealthyBusy, so work that goes on after an answer is ended at the idle time-out."
    )
    SLOW = (
        "/ping takes longer than a second: whatever blocks the server, such as a synchronous call in an async "
        "handler, keeps health checks waiting, and a session that fails them is ended."
    )


@dataclass(frozen=True, slots=True)
class Report:
    """One health check. ``changed_at`` is time_of_last_update in the engine's time, None if absent or unusable."""

    status: HealthStatus
    milliseconds: int
    changed_at: datetime | None = None
    problem: str | None = None
    traps: tuple[Trap, ...] = ()


@dataclass(frozen=True, slots=True)
class Ping:
    """A health check as a session's history keeps it."""

    at: datetime
    status: HealthStatus
    milliseconds: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """What a session's health checks have told so far.

    ``failures`` failed in succession up to now; ``changed_at`` is the last time_of_last_update that could be true.
    """

    history: tuple[Ping, ...] = ()
    failures: int = 0
    changed_at: datetime | None = None
    diagnostics: tuple[str, ...] = ()
    moves: int = 0
    slow: int = 0

    @property
    def status(self) -> HealthStatus | None:
        """The word of the last health check."""
        return self.history[-1].status if self.history else None


def read_answer(
    code: int, body: bytes, milliseconds: int, engine_time: Callable[[datetime], datetime]
) -> Report:
    """One answer of /ping; ``engine_time`` translates a moment of the agent's clock into one of the engine's."""
    if code != 200:
        return Report(HealthStatus.UNHEALTHY, milliseconds, problem=f"/ping answered {code}")
    try:
        said = read_json(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Report(HealthStatus.HEALTHY, milliseconds, traps=(Trap.NOT_JSON,))
    status = HealthStatus.BUSY if said.get("status") == HealthStatus.BUSY else HealthStatus.HEALTHY
    if said.get("time_of_last_update") is None:
        return Report(status, milliseconds)
    moment = _moment(said["time_of_last_update"], engine_time)
    if isinstance(moment, Trap):
        return Report(status, milliseconds, traps=(moment,))
    return Report(status, milliseconds, moment)


def observe(health: Health, report: Report, now: datetime) -> tuple[Health, datetime | None]:
    """The health after one more check, and when its status changed last as far as that can be true."""
    ping = Ping(now, report.status, report.milliseconds, report.problem)
    traps = list(report.traps)
    changed_at = report.changed_at
    if changed_at is not None and changed_at > now + CLOCK_TOLERANCE:
        traps.append(Trap.TIME_IN_FUTURE)
        changed_at = None
    if report.status is HealthStatus.BUSY and changed_at is None:
        traps.append(Trap.BUSY_WITHOUT_TIME)
    moves = _moves(health, report.status, changed_at)
    if moves >= _MOVES_TO_TELL:
        traps.append(Trap.TIME_KEEPS_MOVING)
    slow = health.slow + 1 if report.milliseconds > SLOW_PING_SECONDS * 1000 else 0
    if slow >= _SLOW_TO_TELL:
        traps.append(Trap.SLOW)
    failed = report.status is HealthStatus.UNHEALTHY
    seen = replace(
        health,
        history=(*health.history[1 - REMEMBERED_PINGS :], ping),
        failures=health.failures + 1 if failed else 0,
        changed_at=changed_at or health.changed_at,
        diagnostics=(*health.diagnostics, *(t for t in dict.fromkeys(traps) if t not in health.diagnostics)),
        moves=moves,
        slow=slow,
    )
    return seen, changed_at


def _moves(health: Health, status: HealthStatus, changed_at: datetime | None) -> int:
    """How often in succession time_of_last_update has moved though the status stayed."""
    if changed_at is None or health.changed_at is None or status is not health.status:
        return 0
    return health.moves + 1 if changed_at > health.changed_at else 0


def _moment(said: Any, engine_time: Callable[[datetime], datetime]) -> datetime | Trap:
    if isinstance(said, bool) or not isinstance(said, int | float):
        return Trap.TIME_NOT_A_NUMBER
    try:
        return engine_time(datetime.fromtimestamp(said, UTC))
    except (OverflowError, ValueError, OSError):
        return Trap.TIME_IN_FUTURE if said > 0 else Trap.TIME_NOT_A_NUMBER
