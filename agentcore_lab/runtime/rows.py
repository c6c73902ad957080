"""Runtimes, versions, endpoints and their tags as rows of the store, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from agentcore_lab.runtime.arn import Resource, Scope
from agentcore_lab.runtime.endpoints import Endpoint
from agentcore_lab.runtime.versions import AgentRuntime, Status, Version
from agentcore_lab.sandbox.base import Image


def put_version(connection: sqlite3.Connection, version: Version) -> None:
    """Insert a version, or move the status of one: what it was made from never changes."""
    insert(
        connection,
        "version",
        _version_row(version),
        "ON CONFLICT (runtime_id, number) DO UPDATE"
        " SET status = excluded.status, failure_reason = excluded.failure_reason",
    )


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any], conflict: str = "") -> None:
    """Insert a row; ``conflict`` is what SQL shall do where there is one."""
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks}) {conflict}",  # noqa: S608 - names of our own
        tuple(row.values()),
    )


def replace_endpoint(connection: sqlite3.Connection, endpoint: Endpoint) -> None:
    """Insert an endpoint, or write over the one of its name."""
    row = endpoint_row(endpoint)
    moved = ", ".join(f"{name} = excluded.{name}" for name in row)
    insert(connection, "endpoint", row, f"ON CONFLICT (runtime_id, name) DO UPDATE SET {moved}")


def put_tags(connection: sqlite3.Connection, resource: Resource, tags: Mapping[str, str]) -> None:
    """Insert tags of a resource that has none."""
    connection.executemany(
        "INSERT INTO tag (runtime_id, endpoint, key, value) VALUES (?, ?, ?, ?)",
        [(resource.runtime_id, resource.endpoint, key, value) for key, value in tags.items()],
    )


def workload_identity_row(runtime: AgentRuntime) -> dict[str, Any]:
    """The identity AWS makes together with a runtime; its name is the runtime's id."""
    return {
        "account_id": runtime.scope.account_id,
        "region": runtime.scope.region,
        "name": runtime.id,
        "runtime_id": runtime.id,
        "created_at": runtime.created_at.isoformat(),
        "last_updated_at": runtime.created_at.isoformat(),
    }


def runtime_row(runtime: AgentRuntime) -> dict[str, Any]:
    """A runtime's columns."""
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


def runtime_of(row: sqlite3.Row) -> AgentRuntime:
    """The runtime in a row."""
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


def version_of(row: sqlite3.Row) -> Version:
    """The version in a row."""
    return Version(
        runtime_id=row["runtime_id"],
        number=row["number"],
        spec=json.loads(row["spec"]),
        image=Image(**json.loads(row["image"])) if row["image"] else None,
        status=Status(row["status"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        failure_reason=row["failure_reason"],
    )


def endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint's columns."""
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


def endpoint_of(row: sqlite3.Row) -> Endpoint:
    """The endpoint in a row."""
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
