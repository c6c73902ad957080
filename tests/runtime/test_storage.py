"""Session storage as boto3 and the lab's own API see it, on scripted agents."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.panels.session_detail import SessionDetail
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import settled, update
from tests.runtime.test_endpoints import endpoint, new_endpoint
from tests.runtime.test_invocations import invoke, ready, scripted

STORAGE: dict[str, Any] = {"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/workspace/"}}]}
DAY = timedelta(days=1)


def call(aws: Clients, backend: ScriptedBackend, arn: str, session_id: str, **more: Any) -> dict[str, int]:
    """The files a session that this call starts finds at its mount path."""
    before = len(backend.started)
    invoke(aws, arn, runtimeSessionId=session_id, **more)
    assert len(backend.started) == before + 1, "the session ran already"
    (mount,) = backend.started[-1].mounts
    assert (mount.path, mount.limit) == ("/mnt/workspace", 1_000_000_000)
    return backend.stored[mount.storage_id]


def stop(aws: Clients, arn: str, session_id: str) -> None:
    """StopRuntimeSession."""
    aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)


def stored_session(aws: Clients, backend: ScriptedBackend, arn: str) -> str:
    """The id of a session that has stored a file and was stopped."""
    session_id = str(uuid.uuid4())
    call(aws, backend, arn, session_id)["notes.txt"] = 5
    stop(aws, arn, session_id)
    return session_id


def test_files_are_kept_when_a_session_is_stopped(aws: Clients, backend: ScriptedBackend) -> None:
    """The same session id finds what it stored, in another sandbox; without the field nothing is mounted."""
    arn = ready(aws, **STORAGE)
    session_id = stored_session(aws, backend, arn)
    assert call(aws, backend, arn, session_id) == {"notes.txt": 5}
    invoke(aws, ready(aws, name="without"), runtimeSessionId=str(uuid.uuid4()))
    assert backend.started[-1].mounts == ()


def test_files_are_kept_when_a_session_ends_idle_or_crashes(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """However a session ended, its id finds the files."""
    arn = ready(aws, **STORAGE)
    session_id = str(uuid.uuid4())
    call(aws, backend, arn, session_id)["notes.txt"] = 5
    clock.advance(timedelta(minutes=15))
    eventually(lambda: not backend.running)
    assert call(aws, backend, arn, session_id) == {"notes.txt": 5}
    backend.crash(backend.started[-1].id)
    clock.advance(timedelta(seconds=2))
    eventually(lambda: not backend.running)
    assert call(aws, backend, arn, session_id) == {"notes.txt": 5}


def test_sessions_and_runtimes_see_nothing_of_each_other(aws: Clients, backend: ScriptedBackend) -> None:
    """Storage belongs to one session id of one runtime, through whichever endpoint it is called."""
    arn, other = ready(aws, **STORAGE), ready(aws, name="other", **STORAGE)
    new_endpoint(aws, arn.rpartition("/")[2])
    eventually(lambda: endpoint(aws, arn.rpartition("/")[2])["status"] == "READY")
    session_id = stored_session(aws, backend, arn)
    assert call(aws, backend, arn, str(uuid.uuid4())) == {}
    assert call(aws, backend, other, session_id) == {}
    assert call(aws, backend, arn, session_id, qualifier="prod") == {"notes.txt": 5}


def test_each_mount_path_has_storage_of_its_own(aws: Clients, backend: ScriptedBackend) -> None:
    """Two session storages are two; the other file systems are stored and mount nothing."""
    efs = "arn:aws:elasticfilesystem:us-west-2:123456789012:access-point/fsap-0123456789abcdef0"
    arn = ready(
        aws,
        filesystemConfigurations=[
            {"sessionStorage": {"mountPath": "/mnt/one"}},
            {"efsAccessPoint": {"accessPointArn": efs, "mountPath": "/mnt/shared"}},
            {"sessionStorage": {"mountPath": "/mnt/two"}},
        ],
    )
    session_id = str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    first = {mount.path: mount.storage_id for mount in backend.started[-1].mounts}
    stop(aws, arn, session_id)
    invoke(aws, arn, runtimeSessionId=session_id)
    assert {mount.path: mount.storage_id for mount in backend.started[-1].mounts} == first
    assert list(first) == ["/mnt/one", "/mnt/two"]
    assert len(set(first.values())) == 2


def test_an_update_wipes_the_files_when_it_reaches_the_session(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """A session keeps its files while it runs on; its next start, on the new version, finds none."""
    arn = ready(aws, **STORAGE)
    runtime_id = arn.rpartition("/")[2]
    session_id = str(uuid.uuid4())
    files = call(aws, backend, arn, session_id)
    files["notes.txt"] = 5
    update(aws, runtime_id, **STORAGE)
    settled(aws, runtime_id)
    invoke(aws, arn, runtimeSessionId=session_id)
    assert files in backend.stored.values()
    stop(aws, arn, session_id)
    assert call(aws, backend, arn, session_id) == {}
    eventually(lambda: list(backend.stored.values()) == [{}])


def test_an_update_without_storage_wipes_it(aws: Clients, backend: ScriptedBackend) -> None:
    """A session that comes back on a version that mounts nothing leaves nothing behind, and cannot go back to it."""
    arn = ready(aws, **STORAGE)
    runtime_id = arn.rpartition("/")[2]
    session_id = stored_session(aws, backend, arn)
    update(aws, runtime_id)
    settled(aws, runtime_id)
    invoke(aws, arn, runtimeSessionId=session_id)
    assert backend.started[-1].mounts == ()
    eventually(lambda: not backend.stored)


def test_a_deleted_runtime_takes_its_files_along(aws: Clients, backend: ScriptedBackend) -> None:
    """Stopped sessions' files and running ones' go; another runtime's stay."""
    arn, other = ready(aws, **STORAGE), ready(aws, name="other", **STORAGE)
    stored_session(aws, backend, other)
    stored_session(aws, backend, arn)
    call(aws, backend, arn, str(uuid.uuid4()))["more.txt"] = 1
    aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
    eventually(lambda: list(backend.stored.values()) == [{"notes.txt": 5}])


def test_fourteen_days_without_use_wipe_the_files(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """The days count from the session's last activity; every use starts them anew."""
    arn = ready(aws, **STORAGE)
    session_id = stored_session(aws, backend, arn)
    clock.advance(13 * DAY)
    assert call(aws, backend, arn, session_id) == {"notes.txt": 5}
    stop(aws, arn, session_id)
    clock.advance(14 * DAY - timedelta(seconds=1))
    assert list(backend.stored.values()) == [{"notes.txt": 5}]
    clock.advance(timedelta(seconds=1))
    eventually(lambda: not backend.stored)
    assert call(aws, backend, arn, session_id) == {}


def test_a_jump_of_fourteen_days_ends_an_idle_session_and_wipes_its_files(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """A lab sees it all at one command: the idle time-out first, then, with no sandbox left, the end of the files."""
    arn = ready(aws, **STORAGE)
    stored_session(aws, backend, arn)
    call(aws, backend, arn, str(uuid.uuid4()))["more.txt"] = 5
    clock.advance(14 * DAY)
    eventually(lambda: not backend.running and not backend.stored)


def test_files_outlive_the_engine(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> None:
    """The next engine on the data directory gives a session its files, and wipes what is due by then."""
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        arn = ready(aws, **STORAGE)
        session_id = stored_session(aws, backend, arn)
        call(aws, backend, arn, str(uuid.uuid4()))["living.txt"] = 1  # ended by the engine's end
    assert sorted(map(list, backend.stored.values())) == [["living.txt"], ["notes.txt"]]
    clock.advance(DAY)
    with engine_in_thread(settings, backend, clock) as running:
        assert call(clients_of(running.url), backend, arn, session_id) == {"notes.txt": 5}
    clock.advance(13 * DAY)
    with engine_in_thread(settings, backend, clock):
        eventually(lambda: list(backend.stored.values()) == [{"notes.txt": 5}])


def test_a_new_engine_wipes_what_a_killed_one_did_not_get_to(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """Storage that no session of the store has (a proof's, a deleted runtime's) is gone once the engine answers."""
    with engine_in_thread(settings, backend, clock) as running:
        stored_session(clients_of(running.url), backend, ready(clients_of(running.url), **STORAGE))
    backend.stored["orphan"] = {"rest.txt": 1}
    with engine_in_thread(settings, backend, clock):
        assert list(backend.stored.values()) == [{"notes.txt": 5}]


def test_storage_that_cannot_be_removed_keeps_nobody_waiting(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal that fails is left to the next engine."""

    async def refuses(self: ScriptedBackend, storage_id: str) -> None:
        raise SandboxError(f"{storage_id} is busy")

    with monkeypatch.context() as broken:
        broken.setattr(ScriptedBackend, "remove_storage", refuses)
        with engine_in_thread(settings, backend, clock) as running:
            aws = clients_of(running.url)
            arn = ready(aws, **STORAGE)
            stored_session(aws, backend, arn)
            aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
    assert backend.stored
    with engine_in_thread(settings, backend, clock):
        assert backend.stored == {}


def test_a_proof_has_the_mounts_and_leaves_no_storage(aws: Clients, backend: ScriptedBackend) -> None:
    """The sandbox that proves a version finds its mount path too; its storage goes with it, proved healthy or not."""
    ready(aws, **STORAGE)
    ready(aws, scripted(backend, Script(exits=1)), name="broken", **STORAGE)
    assert [[mount.path for mount in proof.mounts] for proof in backend.proofs] == [["/mnt/workspace"]] * 2
    assert backend.stored == {}


def test_a_session_tells_what_it_has_stored(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """Path, size and how long it is kept, while it runs and after; beyond AWS's limit with a diagnostic."""
    arn = ready(aws, **STORAGE)
    session_id = str(uuid.uuid4())
    files = call(aws, backend, arn, session_id)
    files["notes.txt"] = 12_300_000
    answer = engine.fetch(f"sessions/{session_id}")
    assert answer["session"]["storage"] == [
        {
            "mountPath": "/mnt/workspace",
            "bytes": 12_300_000,
            "limitBytes": 1_000_000_000,
            "keptUntil": (clock.now() + 14 * DAY).isoformat(),
        }
    ]
    assert answer["session"]["diagnostics"] == []
    row = "/mnt/workspace · 12.3 of 1,000 MB · kept until 2026-01-15 00:00 if not used"
    assert f"Storage  {row}" in str(SessionDetail.of(answer))
    files["model.bin"] = 1_000_000_000
    stop(aws, arn, session_id)
    ended = engine.fetch(f"sessions/{session_id}")["session"]
    assert datetime.fromisoformat(ended["storage"][0]["keptUntil"]) == clock.now() + 14 * DAY
    (excess,) = ended["diagnostics"]
    assert "/mnt/workspace holds 1,012,300,000 bytes" in excess
