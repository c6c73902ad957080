"""Endpoints: aliases that point at a version. DEFAULT follows the latest; others move only by update."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from agentcore_lab.errors import ConflictException, ResourceNotFoundException
from agentcore_lab.runtime.arn import new_id
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT, IN_MOTION, AgentRuntime, Status


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An alias. ``live_version`` serves now; ``target_version`` is what it moves to, or equals it when READY."""

    runtime_id: str
    name: str
    id: str
    live_version: int | None
    target_version: int | None
    status: Status
    created_at: datetime
    last_updated_at: datetime
    description: str = ""
    failure_reason: str | None = None


def default_endpoint(runtime: AgentRuntime) -> Endpoint:
    """The DEFAULT endpoint, made together with its runtime."""
    return Endpoint(
        runtime_id=runtime.id,
        name=DEFAULT_ENDPOINT,
        id=new_id(DEFAULT_ENDPOINT),
        live_version=None,
        target_version=runtime.latest_version,
        status=Status.CREATING,
        created_at=runtime.created_at,
        last_updated_at=runtime.created_at,
    )


def new_endpoint(runtime_id: str, name: str, version: int, description: str, now: datetime) -> Endpoint:
    """An endpoint the caller names, on its way to its first version."""
    return Endpoint(
        runtime_id=runtime_id,
        name=name,
        id=new_id(name),
        live_version=None,
        target_version=version,
        status=Status.CREATING,
        created_at=now,
        last_updated_at=now,
        description=description,
    )


def aim(endpoint: Endpoint, version: int, now: datetime) -> Endpoint:
    """The endpoint on its way to ``version``; the live version goes on serving meanwhile."""
    status = Status.CREATING if endpoint.live_version is None else Status.UPDATING
    return replace(endpoint, target_version=version, status=status, last_updated_at=now, failure_reason=None)


def arrive(endpoint: Endpoint, why: str | None, now: datetime) -> Endpoint:
    """The endpoint serving what it was aimed at; or, if ``why`` tells a failure, still serving what it served."""
    if why is None:
        return replace(
            endpoint, live_version=endpoint.target_version, status=Status.READY, last_updated_at=now
        )
    failed = Status.CREATE_FAILED if endpoint.live_version is None else Status.UPDATE_FAILED
    return replace(endpoint, status=failed, failure_reason=why, last_updated_at=now)


def require_movable(endpoint: Endpoint) -> None:
    """Raise ConflictException for DEFAULT, and while the endpoint is being created, updated or deleted."""
    if endpoint.name == DEFAULT_ENDPOINT:
        raise ConflictException(
            "Endpoint DEFAULT belongs to the agent runtime: it follows the latest version and goes with the "
            "runtime, and can be neither updated nor deleted by itself."
        )
    if endpoint.status in IN_MOTION:
        raise ConflictException(
            f"Endpoint {endpoint.name} is in status {endpoint.status}. Wait until it has settled and try again."
        )


def endpoint_not_found(runtime_id: str, name: str) -> ResourceNotFoundException:
    """The error for an unknown qualifier or endpoint name."""
    return ResourceNotFoundException(
        f"No endpoint or agent found with qualifier '{name}' for agent '{runtime_id}'"
    )
