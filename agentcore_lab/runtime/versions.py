"""Agent runtimes and their immutable versions: values and the rules that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from agentcore_lab.errors import ConflictException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.sandbox.base import Image

DEFAULT_ENDPOINT = "DEFAULT"


class Status(StrEnum):
    """The status of a runtime, a version or an endpoint (AWS: AgentRuntimeStatus)."""

    CREATING = "CREATING"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATING = "UPDATING"
    UPDATE_FAILED = "UPDATE_FAILED"
    READY = "READY"
    DELETING = "DELETING"
    DELETE_FAILED = "DELETE_FAILED"


IN_MOTION = frozenset({Status.CREATING, Status.UPDATING, Status.DELETING})


@dataclass(frozen=True, slots=True)
class AgentRuntime:
    """A named runtime. ``latest_version`` is the highest number ever given; numbers are never reused."""

    id: str
    name: str
    scope: Scope
    status: Status
    latest_version: int
    created_at: datetime
    last_updated_at: datetime
    failure_reason: str | None = None

    @property
    def arn(self) -> str:
        """The runtime's ARN."""
        return self.scope.runtime_arn(self.id)


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version: the caller's configuration as given, and the image as it was then.

    ``image`` is None for an artifact that is not a container image.
    """

    runtime_id: str
    number: int
    spec: Mapping[str, Any]
    image: Image | None
    status: Status
    created_at: datetime
    failure_reason: str | None = None


def first_version(runtime: AgentRuntime, spec: Mapping[str, Any], image: Image | None) -> Version:
    """Version 1, made together with its runtime."""
    return Version(runtime.id, 1, dict(spec), image, Status.CREATING, runtime.created_at)


def next_version(
    runtime: AgentRuntime, spec: Mapping[str, Any], image: Image | None, now: datetime
) -> tuple[AgentRuntime, Version]:
    """The runtime and its new version after an update, which replaces the whole configuration.

    Raises:
        ConflictException: the runtime is being created, updated or deleted.
    """
    require_settled(runtime)
    number = runtime.latest_version + 1
    updated = replace(
        runtime,
        status=Status.UPDATING,
        latest_version=number,
        last_updated_at=now,
        failure_reason=None,
    )
    return updated, Version(runtime.id, number, dict(spec), image, Status.UPDATING, now)


def outcome(status: Status, why: str | None) -> Status:
    """What CREATING or UPDATING (or an earlier failure, tried again) becomes; ``why`` is None for success."""
    if why is None:
        return Status.READY
    created = status in {Status.CREATING, Status.CREATE_FAILED}
    return Status.CREATE_FAILED if created else Status.UPDATE_FAILED


def judged(version: Version, why: str | None) -> Version:
    """The version after its proof of health."""
    return replace(version, status=outcome(version.status, why), failure_reason=why)


def require_settled(runtime: AgentRuntime) -> None:
    """Raise ConflictException while the runtime is being created, updated or deleted."""
    if runtime.status in IN_MOTION:
        raise ConflictException(
            f"Agent runtime {runtime.id} is in status {runtime.status}. Wait until it has settled and try again."
        )
