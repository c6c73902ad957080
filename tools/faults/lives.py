"""Faults in what lives: versions, endpoints, sessions, and what these store."""

from __future__ import annotations

from tools.faults.fault import Fault

_CONTROL = ("tests/runtime/test_control_plane.py", "tests/runtime/test_endpoints.py")
_SESSIONS = ("tests/runtime/test_session.py", "tests/runtime/test_session_health.py")
_CALLS = ("tests/runtime/test_invocations.py", "tests/runtime/test_relay.py")
_STORAGE = ("tests/runtime/test_storage.py",)
_PROCESSES = ("tests/sandbox/test_conformance.py", "tests/sandbox/test_process.py")

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
        "sandbox-left-running",
        "nothing is left of a session that has ended",
        "runtime/session.py",
        "    return ended, (Dispose(session.incarnation),)",
        "    return ended, ()",
        (*_SESSIONS, *_CALLS),
        ("04",),
    ),
    Fault(
        "create-failed-shown-as-ready",
        "a version whose agent does not start is CREATE_FAILED",
        "runtime/versions.py",
        "    if why is None:\n        return Status.READY",
        "    if why is None or status is Status.CREATING:\n        return Status.READY",
        ("tests/runtime/test_proof.py",),
    ),
    Fault(
        "changes-at-once",
        "what is being changed takes no second change",
        "runtime/versions.py",
        "    if runtime.status in IN_MOTION:",
        "    if runtime.status in ():",
        ("tests/runtime/test_proof.py",),
    ),
    Fault(
        "used-version-deleted",
        "a version that an endpoint serves cannot be deleted",
        "runtime/control.py",
        "if number in {endpoint.live_version, endpoint.target_version}:",
        "if number in ():",
        _CONTROL,
    ),
    Fault(
        "deleted-runtime-lives-on",
        "a runtime takes its sessions along",
        "runtime/control.py",
        "        await self._on_delete(runtime.id)\n",
        "",
        _CALLS,
    ),
    Fault(
        "session-moved",
        "a running session stays on its version",
        "runtime/sessions.py",
        "        if live is not None:\n            return live, False",
        "        if live is not None and live.session.version == plan().version.number:\n"
        "            return live, False",
        _CALLS,
        ("04",),
    ),
    Fault(
        "start-for-each-call",
        "concurrent first calls share one start",
        "runtime/sessions.py",
        "        if live is not None:\n            return live, False",
        "        if live is not None and live.session.asks_at is not None:\n            return live, False",
        _CALLS,
    ),
    Fault(
        "memory-survives",
        "a session that begins anew remembers nothing",
        "runtime/course.py",
        "            await remove(self._backend, incarnation, self._grace)",
        "            self._storage.kept = {live.key: live.started.result()}",
        _CALLS,
        ("04",),
        also=(
            (
                "runtime/sessions.py",
                "            address = await self._boot.start(",
                '            address = getattr(self._storage, "kept", {}).get(live.key) or await self._boot.start(',
            ),
        ),
    ),
    Fault(
        "stop-ignored",
        "StopRuntimeSession ends the session",
        "runtime/sessions.py",
        "        self._course.apply(live, Ended(Reason.STOPPED))\n        await live.gone.wait()",
        "        return",
        _CALLS,
    ),
    Fault(
        "sessions-without-number",
        "an account has no more sessions than its quota",
        "runtime/sessions.py",
        ">= self._rules.max_sessions:",
        ">= self._rules.max_sessions * 1000:",
        (
            "tests/runtime/test_session_health.py",
            "tests/runtime/test_session.py",
            "tests/runtime/test_invocations.py",
        ),
    ),
    Fault(
        "processes-survive",
        "no process of a session outlives it",
        "sandbox/process.py",
        "        if record is not None:\n            await self._end(",
        "        if record is not None and record.leader is None:\n            await self._end(",
        _PROCESSES,
    ),
    Fault(
        "disk-survives",
        "what a session wrote to its own disk goes with it",
        "sandbox/process.py",
        "            await asyncio.to_thread(child.exited.wait, _KILL_PATIENCE)\n"
        "        await asyncio.to_thread(place.remove)",
        "            await asyncio.to_thread(child.exited.wait, _KILL_PATIENCE)",
        _PROCESSES,
    ),
    Fault(
        "storage-lost",
        "a session finds what it stored when its id is used again",
        "runtime/storage.py",
        "_mount(path, kept.get(path) or secrets.token_hex(8))",
        "_mount(path, secrets.token_hex(8))",
        _STORAGE,
    ),
    Fault(
        "storage-of-another-version",
        "an update wipes what sessions have stored",
        "runtime/storage.py",
        '            if row["version"] == session.version and',
        "            if",
        _STORAGE,
    ),
    Fault(
        "storage-for-ever",
        "what nobody uses for fourteen days is wiped",
        "runtime/storage.py",
        "        self._forget([row for row in unused if _used_at(row) + KEPT <= now])\n",
        "",
        _STORAGE,
    ),
    Fault(
        "storage-without-runtime",
        "a deleted runtime takes its sessions' storage along",
        "runtime/sessions.py",
        "        await self._storage.wipe(runtime_id)\n",
        "",
        _STORAGE,
    ),
)
