"""Faults in how long a session lives: its time-outs, and the health its agent tells of."""

from __future__ import annotations

from tools.faults.fault import Fault

_SESSIONS = ("tests/runtime/test_session.py", "tests/runtime/test_session_health.py")

FAULTS = (
    Fault(
        "idle-time-out-off",
        "a session that is idle for long enough ends",
        "runtime/session.py",
        "        if idle_ends < lifetime_ends:",
        "        if idle_ends < session.created_at:",
        _SESSIONS,
        ("04",),
    ),
    Fault(
        "lifetime-reset-by-calls",
        "the maximum lifetime counts from a session's creation, whatever it does",
        "runtime/session.py",
        "    lifetime_ends = session.created_at + session.max_lifetime",
        "    lifetime_ends = session.last_activity_at + session.max_lifetime",
        _SESSIONS,
    ),
    Fault(
        "busy-ignored",
        "HealthyBusy keeps a session from being idle",
        "runtime/session.py",
        "was_busy, is_busy = session.busy, busy and changed_at is not None",
        "was_busy, is_busy = session.busy, False",
        _SESSIONS,
        ("03",),
    ),
    Fault(
        "eight-hours-off",
        "no session lives longer than its maximum lifetime",
        "runtime/session.py",
        "    lifetime_ends = session.created_at + session.max_lifetime",
        "    lifetime_ends = session.created_at + session.max_lifetime * 1000",
        _SESSIONS,
        ("04",),
    ),
    Fault(
        "busy-for-ever",
        "an agent that is no longer HealthyBusy lets its session become idle",
        "runtime/session.py",
        "    if was_busy and not session.held:",
        "    if was_busy and session.held:",
        _SESSIONS,
        ("03",),
    ),
    Fault(
        "busy-without-a-time",
        "HealthyBusy without time_of_last_update holds no session",
        "runtime/session.py",
        "was_busy, is_busy = session.busy, busy and changed_at is not None",
        "was_busy, is_busy = session.busy, busy",
        _SESSIONS,
    ),
    Fault(
        "unhealthy-tolerated",
        "a session whose health checks fail in succession ends",
        "runtime/session.py",
        "        if health.failures >= session.unhealthy_after:",
        "        if health.failures >= session.unhealthy_after * 1000:",
        _SESSIONS,
        ("04",),
    ),
    Fault(
        "failures-never-forgiven",
        "one good health check wipes out the failed ones before it",
        "runtime/health.py",
        "        failures=health.failures + 1 if failed else 0,",
        "        failures=health.failures + failed,",
        _SESSIONS,
    ),
    Fault(
        "any-status-healthy",
        "only 200 is healthy",
        "runtime/health.py",
        "    if code != 200:",
        "    if code >= 600:",
        ("tests/runtime/test_health.py", *_SESSIONS),
    ),
    Fault(
        "crash-unnoticed",
        "a session whose container has died ends",
        "runtime/course.py",
        "            self.found(live, said)\n",
        "            return\n",
        _SESSIONS,
    ),
)
