"""The faults: each a promise of AgentCore's that the engine breaks when one place of its code is changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """``before``, which stands once in ``file`` (of ``agentcore_lab/``), becomes ``after``.

    ``broken`` is the promise in words; ``tests`` are where its tests stand, ``labs`` the numbers of the labs that
    show it to a reader.
    """

    name: str
    broken: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    labs: tuple[str, ...] = ()


_CONTROL = ("tests/runtime/test_control_plane.py", "tests/runtime/test_endpoints.py")
_SESSIONS = (
    "tests/runtime/test_session.py",
    "tests/runtime/test_session_health.py",
)
_CALLS = ("tests/runtime/test_invocations.py", "tests/runtime/test_relay.py")

FAULTS = (
    Fault(
        "default-stays",
        "DEFAULT follows the latest version",
        "runtime/control.py",
        "endpoint = arrive(self._repository.endpoint(runtime.id, DEFAULT_ENDPOINT), why, now)",
        "endpoint = self._repository.endpoint(runtime.id, DEFAULT_ENDPOINT)\n"
        "        if endpoint.live_version is None:\n"
        "            endpoint = arrive(endpoint, why, now)",
        _CONTROL,
        ("04",),
    ),
    Fault(
        "version-overwritten",
        "an update makes a new version and leaves the old ones as they are",
        "runtime/versions.py",
        "number = runtime.latest_version + 1",
        "number = runtime.latest_version",
        _CONTROL,
        ("04",),
    ),
    Fault(
        "unproven-version-serves",
        "a version that never proved healthy serves nobody",
        "runtime/endpoints.py",
        "    if why is None:\n        return replace(\n            endpoint, live_version=",
        "    if why is None or why:\n        return replace(\n            endpoint, live_version=",
        ("tests/runtime/test_proof.py",),
    ),
    Fault(
        "downtime-at-move",
        "the version an endpoint served serves on while the endpoint moves",
        "runtime/endpoints.py",
        "return replace(endpoint, target_version=version, status=status,",
        "return replace(endpoint, live_version=None, target_version=version, status=status,",
        _CONTROL,
    ),
    Fault(
        "session-shared",
        "each session id has a session of its own",
        "runtime/sessions.py",
        "live, began = await self._acquire((runtime_id, session_id), plan)",
        'live, began = await self._acquire((runtime_id, "one-session-for-all-callers-00000"), plan)',
        _CALLS,
        ("03", "04"),
    ),
    Fault(
        "session-forgotten",
        "calls with one session id meet one session",
        "runtime/invoke.py",
        'return Belongs(call.params.get("runtimeSessionId") or str(uuid.uuid4()))\n        if not accepts_mcp',
        "return Belongs(str(uuid.uuid4()))\n        if not accepts_mcp",
        _CALLS,
        ("03", "04"),
    ),
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
        "sandbox-left-running",
        "nothing is left of a session that has ended",
        "runtime/session.py",
        "    return ended, (Dispose(session.incarnation),)",
        "    return ended, ()",
        (*_SESSIONS, *_CALLS),
    ),
    Fault(
        "stream-held-back",
        "a streamed answer reaches the caller as the agent makes it",
        "runtime/upstream.py",
        "            async for chunk in response.content.iter_any():",
        "            for chunk in [await response.content.read()]:",
        _CALLS,
        ("03",),
    ),
    Fault(
        "container-error-passed-as-success",
        "an agent's error is the caller's error 424",
        "runtime/upstream.py",
        "if response.status >= 300:",
        "if response.status >= 600:",
        _CALLS,
    ),
    Fault(
        "session-id-not-told",
        "the agent is told which session it works for",
        "runtime/headers.py",
        "return {**passed, SESSION_ID: session_id, REQUEST_ID: request_id}",
        "return {**passed, REQUEST_ID: request_id}",
        _CALLS,
        ("03",),
    ),
    Fault(
        "any-header-crosses",
        "only headers that the version's allow-list names reach the agent",
        "runtime/headers.py",
        "if name.lower() in _TO_CONTAINER or name.lower() in allowed or",
        "if name.lower() in _TO_CONTAINER or name.lower() != 'host' or",
        _CALLS,
    ),
)
