"""Session storage: which files a session finds at its mount paths, and when they are wiped.

The files are the backend's; which of them belong to whom is in the store, so that it survives the engine. A storage
that no row names is wiped: at once, or, if the engine is killed before it gets to that, when the next one starts.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.runtime.limits import SESSION_STORAGE_BYTES, SESSION_STORAGE_DAYS
from agentcore_lab.runtime.monitor import Monitor
from agentcore_lab.runtime.session import Session
from agentcore_lab.sandbox.base import Backend, Mount, SandboxError
from agentcore_lab.store.db import Database

log = logging.getLogger(__name__)

KEPT = timedelta(days=SESSION_STORAGE_DAYS)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a session has stored at one mount path.

    ``size`` is in bytes, None where that cannot be told. ``kept_until`` is when it is deleted if nobody calls the
    session before.
    """

    mount_path: str
    size: int | None
    kept_until: datetime
    limit: int = SESSION_STORAGE_BYTES

    @property
    def excess(self) -> str | None:
        """What would have happened in AWS, in a sentence, if there is more than a session may store."""
        if self.size is None or self.size <= self.limit:
            return None
        return (
            f"The session storage at {self.mount_path} holds {self.size:,} bytes. AgentCore lets a session store "
            f"{self.limit:,}: there, writing the rest fails for want of space."
        )


def fresh_mounts(spec: Mapping[str, Any]) -> tuple[Mount, ...]:
    """A mount of new, empty storage for each ``sessionStorage`` of a version's configuration."""
    return tuple(_mount(path, secrets.token_hex(8)) for path in _paths(spec))


async def throw_away(backend: Backend, mounts: Iterable[Mount]) -> None:
    """Remove the storage of mounts that no sandbox has any more; what fails is logged."""
    for mount in mounts:
        await _remove(backend, mount.storage_id)


class SessionStorage:
    """What the sessions of one engine have stored.

    A storage belongs to a session id of a runtime, at a mount path, and to the version it was made under. AWS: it is
    kept when a session ends, and deleted after 14 days without use, on a version update, and with the runtime. An
    update reaches a session when its id is next used: it keeps what it has while it runs on, and starts empty on any
    version but the one it stored under.
    """

    def __init__(self, database: Database, backend: Backend, clock: Clock) -> None:
        self._db = database
        self._backend = backend
        self._clock = clock
        self._held: dict[str, tuple[Mount, ...]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._monitor = Monitor(clock, self._tick)

    async def open(self) -> None:
        """Wipe what an engine that ended left to be wiped, and begin to watch what time wipes; no sandbox runs yet."""
        kept = {row["id"] for row in self._db.query("SELECT id FROM session_storage")}
        try:
            leftovers = set(await self._backend.storages()) - kept
        except SandboxError:
            log.exception("what sessions have stored could not be listed")
            leftovers = set()
        for storage_id in leftovers:
            await _remove(self._backend, storage_id)
        self._monitor.open()
        self._tick()

    async def close(self) -> None:
        """Stop watching, and finish what is being wiped."""
        await self._monitor.close()
        await asyncio.gather(*self._work)

    def hold(self, session: Session, spec: Mapping[str, Any]) -> tuple[Mount, ...]:
        """What a session that starts finds at its mount paths, its own until it is released.

        Whatever else is stored under its id (by another version, or too long ago) is wiped.
        """
        key = (session.runtime_id, session.session_id)
        rows = self._db.query("SELECT * FROM session_storage WHERE runtime_id = ? AND session_id = ?", key)
        paths = _paths(spec)
        if not rows and not paths:
            return ()
        now = self._clock.now()
        kept = {
            row["mount_path"]: row["id"]
            for row in rows
            if row["version"] == session.version and _used_at(row) + KEPT > now
        }
        mounts = tuple(_mount(path, kept.get(path) or secrets.token_hex(8)) for path in paths)
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM session_storage WHERE runtime_id = ? AND session_id = ?", key)
            connection.executemany(
                "INSERT INTO session_storage (id, runtime_id, session_id, mount_path, version, used_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(each.storage_id, *key, each.path, session.version, now.isoformat()) for each in mounts],
            )
        if mounts:
            self._held[session.incarnation] = mounts
        for storage_id in {row["id"] for row in rows} - {each.storage_id for each in mounts}:
            self._begin(_remove(self._backend, storage_id))
        return mounts

    def release(self, session: Session) -> None:
        """A session is over and its sandbox gone: from its last activity on, what it stored is without use."""
        mounts = self._held.pop(session.incarnation, ())
        if not mounts:
            return
        with self._db.transaction() as connection:
            connection.executemany(
                "UPDATE session_storage SET used_at = ? WHERE id = ?",
                [(session.last_activity_at.isoformat(), mount.storage_id) for mount in mounts],
            )
        self._monitor.expect(session.last_activity_at + KEPT)
        self._begin(self._warn(session))

    async def of(self, session: Session) -> list[Stored]:
        """What is stored under a session's id by the version it runs, or ran, on."""
        rows = self._db.query(
            "SELECT * FROM session_storage WHERE runtime_id = ? AND session_id = ? AND version = ?",
            (session.runtime_id, session.session_id, session.version),
        )
        in_use = session.incarnation in self._held
        sizes = await asyncio.gather(*(self._size(row["id"]) for row in rows))
        return [
            Stored(row["mount_path"], size, (session.last_activity_at if in_use else _used_at(row)) + KEPT)
            for row, size in zip(rows, sizes, strict=True)
        ]

    async def wipe(self, runtime_id: str) -> None:
        """Remove all that the sessions of a runtime have stored; none of them runs any more."""
        rows = self._db.query("SELECT * FROM session_storage WHERE runtime_id = ?", (runtime_id,))
        await asyncio.gather(*self._forget(rows))

    def _tick(self) -> None:
        """Wipe what has been without use for too long, and expect the next that will have been."""
        now = self._clock.now()
        held = {mount.storage_id for mounts in self._held.values() for mount in mounts}
        rows = self._db.query("SELECT * FROM session_storage ORDER BY used_at")
        unused = [row for row in rows if row["id"] not in held]
        self._forget([row for row in unused if _used_at(row) + KEPT <= now])
        coming = (_used_at(row) + KEPT for row in unused if _used_at(row) + KEPT > now)
        if (moment := next(coming, None)) is not None:
            self._monitor.expect(moment)

    def _forget(self, rows: Sequence[sqlite3.Row]) -> list[asyncio.Task[None]]:
        if not rows:
            return []
        with self._db.transaction() as connection:
            connection.executemany("DELETE FROM session_storage WHERE id = ?", [(row["id"],) for row in rows])
        return [self._begin(_remove(self._backend, row["id"])) for row in rows]

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _warn(self, session: Session) -> None:
        for stored in await self.of(session):
            if stored.excess:
                log.warning("session %s: %s", session.session_id, stored.excess)

    async def _size(self, storage_id: str) -> int | None:
        try:
            return await self._backend.storage_size(storage_id)
        except SandboxError:
            return None


def _paths(spec: Mapping[str, Any]) -> list[str]:
    """The mount paths of session storage; the other members of filesystemConfigurations mount nothing here."""
    configured = spec.get("filesystemConfigurations") or []
    return [
        each["sessionStorage"]["mountPath"].rstrip("/") for each in configured if "sessionStorage" in each
    ]


def _mount(path: str, storage_id: str) -> Mount:
    return Mount(path, storage_id, SESSION_STORAGE_BYTES)


def _used_at(row: sqlite3.Row) -> datetime:
    return datetime.fromisoformat(row["used_at"])


async def _remove(backend: Backend, storage_id: str) -> None:
    try:
        await backend.remove_storage(storage_id)
    except SandboxError:
        log.exception("storage %s could not be removed", storage_id)
