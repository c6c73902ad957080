"""Runtimes, versions and endpoints in the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from agentcore_lab.errors import ConflictException
from agentcore_lab.runtime.arn import Resource, Scope, not_found
from agentcore_lab.runtime.endpoints import Endpoint, endpoint_not_found
from agentcore_lab.runtime.rows import (
    endpoint_of,
    endpoint_row,
    insert,
    put_tags,
    put_version,
    replace_endpoint,
    runtime_of,
    runtime_row,
    version_of,
    workload_identity_row,
)
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT, IN_MOTION, AgentRuntime, Status, Version
from agentcore_lab.store.db import Database


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
                insert(connection, "runtime", runtime_row(runtime))
                put_version(connection, version)
                insert(connection, "endpoint", endpoint_row(endpoint))
                insert(connection, "workload_identity", workload_identity_row(runtime))
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
                put_version(connection, version)
            for endpoint in endpoints:
                replace_endpoint(connection, endpoint)
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
        return runtime_of(rows[0])

    def page(self, scope: Scope, after: str, limit: int) -> list[AgentRuntime]:
        """Up to ``limit`` runtimes whose id sorts after ``after``."""
        rows = self._db.query(
            "SELECT * FROM runtime WHERE account_id = ? AND region = ? AND id > ? ORDER BY id LIMIT ?",
            (scope.account_id, scope.region, after, limit),
        )
        return [runtime_of(row) for row in rows]

    def unsettled(self) -> list[AgentRuntime]:
        """Runtimes left between two states by an engine that ended."""
        marks = ", ".join("?" for _ in IN_MOTION)
        rows = self._db.query(f"SELECT * FROM runtime WHERE status IN ({marks})", tuple(IN_MOTION))  # noqa: S608
        return [runtime_of(row) for row in rows]

    def version(self, runtime_id: str, number: int) -> Version | None:
        """One version, or None."""
        rows = self._db.query(
            "SELECT * FROM version WHERE runtime_id = ? AND number = ?", (runtime_id, number)
        )
        return version_of(rows[0]) if rows else None

    def versions(self, runtime_id: str, below: int, limit: int) -> list[Version]:
        """Up to ``limit`` versions numbered under ``below``, newest first."""
        rows = self._db.query(
            "SELECT * FROM version WHERE runtime_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (runtime_id, below, limit),
        )
        return [version_of(row) for row in rows]

    def all_versions(self, runtime_id: str | None = None) -> list[Version]:
        """Every version of a runtime, or of all."""
        where, values = ("", ()) if runtime_id is None else (" WHERE runtime_id = ?", (runtime_id,))
        return [version_of(row) for row in self._db.query(f"SELECT * FROM version{where}", values)]  # noqa: S608

    def endpoint(self, runtime_id: str, name: str) -> Endpoint:
        """One endpoint. Raises ResourceNotFoundException."""
        rows = self._db.query("SELECT * FROM endpoint WHERE runtime_id = ? AND name = ?", (runtime_id, name))
        if not rows:
            raise endpoint_not_found(runtime_id, name)
        return endpoint_of(rows[0])

    def add_endpoint(self, endpoint: Endpoint, tags: Mapping[str, str]) -> None:
        """Insert an endpoint. Raises ConflictException when the runtime has one of that name."""
        try:
            with self._db.transaction() as connection:
                insert(connection, "endpoint", endpoint_row(endpoint))
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
            row = endpoint_row(endpoint)
            columns = ", ".join(f"{name} = :{name}" for name in row)
            changed = connection.execute(
                f"UPDATE endpoint SET {columns} WHERE id = :id AND status = :expecting",  # noqa: S608
                {**row, "expecting": expecting},
            ).rowcount
            for version in versions if changed else ():
                put_version(connection, version)
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
        return [endpoint_of(row) for row in rows]

    def endpoints(self, runtime_id: str) -> list[Endpoint]:
        """All endpoints of a runtime, by name."""
        rows = self._db.query("SELECT * FROM endpoint WHERE runtime_id = ? ORDER BY name", (runtime_id,))
        return [endpoint_of(row) for row in rows]
