"""Runtimes, versions and endpoints in the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from agentcore_lab.errors import ConflictException
from agentcore_lab.runtime.arn import Scope, not_found
from agentcore_lab.runtime.endpoints import Endpoint, endpoint_not_found
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT, IN_MOTION, AgentRuntime, Status, Version
from agentcore_lab.sandbox.base import Image
from agentcore_lab.store.db import Database


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be tagged: a runtime, or the endpoint of that name; ``endpoint`` is empty for the runtime itself."""

    runtime_id: str
    endpoint: str = ""

    def arn(self, scope: Scope) -> str:
        """Its ARN in the account and region it lives in."""
        if self.endpoint:
            return scope.endpoint_arn(self.runtime_id, self.endpoint)
        return scope.runtime_arn(self.runtime_id)


class RuntimeRepository:
    """Reads and writes domain values. Every save is one transaction; every write replaces the whole row.

    ``changed`` is told the id of a runtime after anything of it was written.
    """

    def __init__(self, database: Database, changed: Callable[[str], None] = lambda _runtime_id: None) -> None:
        self._db = database
        self._changed = changed

    @property
    def database(self) -> Database:
        """Where all of this is kept."""
        return self._db

    def create(
        self, runtime: AgentRuntime, version: Version, endpoint: Endpoint, tags: Mapping[str, str]
    ) -> None:
        """Insert a new runtime with its first version, its endpoint DEFAULT and its workload identity.

        Raises:
            ConflictException: the name is taken in this account and region.
        """
        try:
            with self._db.transaction() as connection:
                _insert(connection, "runtime", _runtime_row(runtime))
                _put_version(connection, version)
                _insert(connection, "endpoint", _endpoint_row(endpoint))
                _insert(connection, "workload_identity", _workload_identity_row(runtime))
                put_tags(connection, Resource(runtime.id), tags)
        except sqlite3.IntegrityError as error:
            raise ConflictException(
                f"An agent with the specified name already exists: {runtime.name}"
            ) from error
        self._changed(runtime.id)

    def save(
        self,
        runtime: AgentRuntime,
        *,
        expecting: Status,
        versions: Iterable[Version] = (),
        endpoints: Iterable[Endpoint] = (),
    ) -> bool:
        """Write what changed if the runtime still has the status ``expecting``; False, and no write, if not."""
        with self._db.transaction() as connection:
            changed = connection.execute(
                "UPDATE runtime SET status = ?, failure_reason = ?, latest_version = ?, last_updated_at = ?"
                " WHERE id = ? AND status = ?",
                (
                    runtime.status,
                    runtime.failure_reason,
                    runtime.latest_version,
                    runtime.last_updated_at.isoformat(),
                    runtime.id,
                    expecting,
                ),
            ).rowcount
            if not changed:
                return False
            for version in versions:
                _put_version(connection, version)
            for endpoint in endpoints:
                _replace_endpoint(connection, endpoint)
        self._changed(runtime.id)
        return True

    def delete(self, runtime_id: str) -> None:
        """Remove a runtime with all that hangs on it: versions, endpoints, tags, policies, workload identity."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM runtime WHERE id = ?", (runtime_id,))
        self._changed(runtime_id)

    def delete_version(self, runtime_id: str, number: int) -> None:
        """Remove one version."""
        with self._db.transaction() as connection:
            connection.execute(
                "DELETE FROM version WHERE runtime_id = ? AND number = ?", (runtime_id, number)
            )
        self._changed(runtime_id)

    def count_runtimes(self, scope: Scope) -> int:
        """How many runtimes the account has in the region."""
        (row,) = self._db.query(
            "SELECT count(*) AS number FROM runtime WHERE account_id = ? AND region = ?",
            (scope.account_id, scope.region),
        )
        return int(row["number"])

    def count_versions(self, runtime_id: str) -> int:
        """How many versions a runtime has."""
        (row,) = self._db.query("SELECT count(*) AS number FROM version WHERE runtime_id = ?", (runtime_id,))
        return int(row["number"])

    def get(self, scope: Scope, runtime_id: str) -> AgentRuntime:
        """The runtime. Raises ResourceNotFoundException."""
        rows = self._db.query(
            "SELECT * FROM runtime WHERE id = ? AND account_id = ? AND region = ?",
            (runtime_id, scope.account_id, scope.region),
        )
        if not rows:
            raise not_found(runtime_id)
        return _runtime(rows[0])

    def page(self, scope: Scope, after: str, limit: int) -> list[AgentRuntime]:
        """Up to ``limit`` runtimes whose id sorts after ``after``."""
        rows = self._db.query(
            "SELECT * FROM runtime WHERE account_id = ? AND region = ? AND id > ? ORDER BY id LIMIT ?",
            (scope.account_id, scope.region, after, limit),
        )
        return [_runtime(row) for row in rows]

    def unsettled(self) -> list[AgentRuntime]:
        """Runtimes left between two states by an engine that ended."""
        marks = ", ".join("?" for _ in IN_MOTION)
        rows = self._db.query(f"SELECT * FROM runtime WHERE status IN ({marks})", tuple(IN_MOTION))  # noqa: S608
        return [_runtime(row) for row in rows]

    def version(self, runtime_id: str, number: int) -> Version | None:
        """One version, or None."""
        rows = self._db.query(
            "SELECT * FROM version WHERE runtime_id = ? AND number = ?", (runtime_id, number)
        )
        return _version(rows[0]) if rows else None

    def versions(self, runtime_id: str, below: int, limit: int) -> list[Version]:
        """Up to ``limit`` versions numbered under ``below``, newest first."""
        rows = self._db.query(
            "SELECT * FROM version WHERE runtime_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (runtime_id, below, limit),
        )
        return [_version(row) for row in rows]

    def all_versions(self, runtime_id: str | None = None) -> list[Version]:
        """Every version of a runtime, or of all."""
        where, values = ("", ()) if runtime_id is None else (" WHERE runtime_id = ?", (runtime_id,))
        return [_version(row) for row in self._db.query(f"SELECT * FROM version{where}", values)]  # noqa: S608

    def endpoint(self, runtime_id: str, name: str) -> Endpoint:
        """One endpoint. Raises ResourceNotFoundException."""
        rows = self._db.query("SELECT * FROM endpoint WHERE runtime_id = ? AND name = ?", (runtime_id, name))
        if not rows:
            raise endpoint_not_found(runtime_id, name)
        return _endpoint(rows[0])

    def add_endpoint(self, endpoint: Endpoint, tags: Mapping[str, str]) -> None:
        """Insert an endpoint. Raises ConflictException when the runtime has one of that name."""
        try:
            with self._db.transaction() as connection:
                _insert(connection, "endpoint", _endpoint_row(endpoint))
                put_tags(connection, Resource(endpoint.runtime_id, endpoint.name), tags)
        except sqlite3.IntegrityError as error:
            raise ConflictException(
                f"An endpoint with the specified name already exists: {endpoint.name}"
            ) from error
        self._changed(endpoint.runtime_id)

    def save_endpoint(
        self, endpoint: Endpoint, *, expecting: Status, versions: Iterable[Version] = ()
    ) -> bool:
        """Write what changed if this very endpoint still has the status ``expecting``; False, no write, if not."""
        with self._db.transaction() as connection:
            row = _endpoint_row(endpoint)
            columns = ", ".join(f"{name} = :{name}" for name in row)
            changed = connection.execute(
                f"UPDATE endpoint SET {columns} WHERE id = :id AND status = :expecting",  # noqa: S608
                {**row, "expecting": expecting},
            ).rowcount
            for version in versions if changed else ():
                _put_version(connection, version)
        if changed:
            self._changed(endpoint.runtime_id)
        return bool(changed)

    def delete_endpoint(self, runtime_id: str, name: str) -> None:
        """Remove one endpoint with its tags and its policy."""
        with self._db.transaction() as connection:
            for table, column in (("tag", "endpoint"), ("resource_policy", "endpoint"), ("endpoint", "name")):
                connection.execute(
                    f"DELETE FROM {table} WHERE runtime_id = ? AND {column} = ?",  # noqa: S608 - our own names
                    (runtime_id, name),
                )
        self._changed(runtime_id)

    def unsettled_endpoints(self) -> list[Endpoint]:
        """Endpoints left between two states by an engine that ended, of runtimes that are to stay."""
        rows = self._db.query(
            "SELECT endpoint.* FROM endpoint JOIN runtime ON runtime.id = endpoint.runtime_id"
            " WHERE endpoint.status IN (?, ?, ?) AND endpoint.name <> ? AND runtime.status <> ?",
            (*IN_MOTION, DEFAULT_ENDPOINT, Status.DELETING),
        )
        return [_endpoint(row) for row in rows]

    def endpoints(self, runtime_id: str) -> list[Endpoint]:
        """All endpoints of a runtime, by name."""
        rows = self._db.query("SELECT * FROM endpoint WHERE runtime_id = ? ORDER BY name", (runtime_id,))
        return [_endpoint(row) for row in rows]


def _put_version(connection: sqlite3.Connection, version: Version) -> None:
    """Insert a version, or move the status of one: what it was made from never changes."""
    _insert(
        connection,
        "version",
        _version_row(version),
        "ON CONFLICT (runtime_id, number) DO UPDATE"
        " SET status = excluded.status, failure_reason = excluded.failure_reason",
    )


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any], conflict: str = "") -> None:
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks}) {conflict}",  # noqa: S608 - names of our own
        tuple(row.values()),
    )


def _replace_endpoint(connection: sqlite3.Connection, endpoint: Endpoint) -> None:
    row = _endpoint_row(endpoint)
    moved = ", ".join(f"{name} = excluded.{name}" for name in row)
    _insert(connection, "endpoint", row, f"ON CONFLICT (runtime_id, name) DO UPDATE SET {moved}")


def put_tags(connection: sqlite3.Connection, resource: Resource, tags: Mapping[str, str]) -> None:
    """Set tags within a transaction of the caller's."""
    connection.executemany(
        "INSERT INTO tag (runtime_id, endpoint, key, value) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (runtime_id, endpoint, key) DO UPDATE SET value = excluded.value",
        [(resource.runtime_id, resource.endpoint, key, value) for key, value in tags.items()],
    )


def _workload_identity_row(runtime: AgentRuntime) -> dict[str, Any]:
    """The identity AWS makes together with a runtime; its name is the runtime's id."""
    return {
        "account_id": runtime.scope.account_id,
        "region": runtime.scope.region,
        "name": runtime.id,
        "runtime_id": runtime.id,
        "created_at": runtime.created_at.isoformat(),
        "last_updated_at": runtime.created_at.isoformat(),
    }


def _runtime_row(runtime: AgentRuntime) -> dict[str, Any]:
    return {
        "id": runtime.id,
        "account_id": runtime.scope.account_id,
        "region": runtime.scope.region,
        "name": runtime.name,
        "status": runtime.status,
        "failure_reason": runtime.failure_reason,
        "latest_version": runtime.latest_version,
        "created_at": runtime.created_at.isoformat(),
        "last_updated_at": runtime.last_updated_at.isoformat(),
    }


def _runtime(row: sqlite3.Row) -> AgentRuntime:
    return AgentRuntime(
        id=row["id"],
        name=row["name"],
        scope=Scope(row["account_id"], row["region"]),
        status=Status(row["status"]),
        latest_version=row["latest_version"],
        created_at=datetime.fromisoformat(row["created_at"]),
        last_updated_at=datetime.fromisoformat(row["last_updated_at"]),
        failure_reason=row["failure_reason"],
    )


def _version_row(version: Version) -> dict[str, Any]:
    return {
        "runtime_id": version.runtime_id,
        "number": version.number,
        "spec": json.dumps(version.spec),
        "image": json.dumps(asdict(version.image)) if version.image else None,
        "status": version.status,
        "failure_reason": version.failure_reason,
        "created_at": version.created_at.isoformat(),
    }


def _version(row: sqlite3.Row) -> Version:
    return Version(
        runtime_id=row["runtime_id"],
        number=row["number"],
        spec=json.loads(row["spec"]),
        image=Image(**json.loads(row["image"])) if row["image"] else None,
        status=Status(row["status"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        failure_reason=row["failure_reason"],
    )


def _endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "runtime_id": endpoint.runtime_id,
        "name": endpoint.name,
        "id": endpoint.id,
        "description": endpoint.description,
        "live_version": endpoint.live_version,
        "target_version": endpoint.target_version,
        "status": endpoint.status,
        "failure_reason": endpoint.failure_reason,
        "created_at": endpoint.created_at.isoformat(),
        "last_updated_at": endpoint.last_updated_at.isoformat(),
    }


def _endpoint(row: sqlite3.Row) -> Endpoint:
    return Endpoint(
        runtime_id=row["runtime_id"],
        name=row["name"],
        id=row["id"],
        live_version=row["live_version"],
        target_version=row["target_version"],
        status=Status(row["status"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        last_updated_at=datetime.fromisoformat(row["last_updated_at"]),
        description=row["description"],
        failure_reason=row["failure_reason"],
    )
