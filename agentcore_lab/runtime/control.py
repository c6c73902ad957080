"""Creating, updating and deleting runtimes: each change is recorded at once and settles in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ConflictException, ResourceNotFoundException
from agentcore_lab.runtime import lifecycle
from agentcore_lab.runtime.arn import Scope, new_id
from agentcore_lab.runtime.artifact import resolve_artifact
from agentcore_lab.runtime.endpoints import aim, arrive, default_endpoint
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.versions import (
    DEFAULT_ENDPOINT,
    AgentRuntime,
    Status,
    Version,
    first_version,
    next_version,
    require_settled,
)
from agentcore_lab.sandbox.base import Backend

CODE_ARTIFACT_UNSUPPORTED = (
    "codeConfiguration artifacts need the S3 neighbour, which this version of agentcore-lab does not have: "
    "use a container image."
)


class ControlPlane:
    """Changes runtimes. ``on_delete`` is awaited before a runtime's record goes: it ends its sessions."""

    def __init__(
        self,
        repository: RuntimeRepository,
        backend: Backend,
        clock: Clock,
        on_delete: Callable[[str], Awaitable[None]],
    ) -> None:
        self._repository = repository
        self._backend = backend
        self._clock = clock
        self._on_delete = on_delete
        self._settling: set[asyncio.Task[None]] = set()

    async def create(self, scope: Scope, name: str, spec: Mapping[str, Any]) -> AgentRuntime:
        """A new runtime in CREATING, with version 1 and the endpoint DEFAULT.

        Raises:
            ValidationException: the image or the lifecycle configuration cannot be used.
            ConflictException: the name is taken.
        """
        lifecycle.effective(spec.get("lifecycleConfiguration"))
        image = await resolve_artifact(self._backend, spec["agentRuntimeArtifact"])
        now = self._clock.now()
        runtime = AgentRuntime(new_id(name), name, scope, Status.CREATING, 1, now, now)
        self._repository.create(runtime, first_version(runtime, spec, image), default_endpoint(runtime))
        self._in_background(self._settle(runtime))
        return runtime

    async def update(self, scope: Scope, runtime_id: str, spec: Mapping[str, Any]) -> AgentRuntime:
        """The runtime in UPDATING, with a new version on the way that DEFAULT follows.

        Raises:
            ResourceNotFoundException: no such runtime.
            ConflictException: another change is under way.
            ValidationException: the image or the lifecycle configuration cannot be used.
        """
        require_settled(self._repository.get(scope, runtime_id))
        lifecycle.effective(spec.get("lifecycleConfiguration"))
        image = await resolve_artifact(self._backend, spec["agentRuntimeArtifact"])
        before = self._repository.get(scope, runtime_id)
        now = self._clock.now()
        runtime, version = next_version(before, spec, image, now)
        endpoint = aim(self._repository.endpoint(runtime_id, DEFAULT_ENDPOINT), version.number, now)
        if not self._repository.save(
            runtime, expecting=before.status, versions=[version], endpoints=[endpoint]
        ):
            raise ConflictException(f"Agent runtime {runtime_id} is being changed by another request.")
        self._in_background(self._settle(runtime))
        return runtime

    async def delete(self, scope: Scope, runtime_id: str) -> AgentRuntime:
        """The runtime in DELETING; its sessions end and its record goes in the background.

        Raises:
            ResourceNotFoundException: no such runtime.
            ConflictException: another change is under way.
        """
        before = self._repository.get(scope, runtime_id)
        require_settled(before)
        runtime = replace(before, status=Status.DELETING, last_updated_at=self._clock.now())
        if not self._repository.save(runtime, expecting=before.status):
            raise ConflictException(f"Agent runtime {runtime_id} is being changed by another request.")
        self._in_background(self._remove(runtime))
        return runtime

    def delete_version(self, scope: Scope, runtime_id: str, number: int) -> None:
        """Remove one version that no endpoint points at.

        Raises:
            ResourceNotFoundException: no such runtime or version.
            ConflictException: another change is under way, or an endpoint points at the version.
        """
        runtime = self._repository.get(scope, runtime_id)
        require_settled(runtime)
        if self._repository.version(runtime_id, number) is None:
            raise version_not_found(runtime_id, number)
        for endpoint in self._repository.endpoints(runtime_id):
            if number in {endpoint.live_version, endpoint.target_version}:
                raise ConflictException(
                    f"Version {number} of agent runtime {runtime_id} is in use by endpoint {endpoint.name}."
                )
        self._repository.delete_version(runtime_id, number)

    def resume(self) -> None:
        """Finish what an engine that ended left between two states."""
        for runtime in self._repository.unsettled():
            work = self._remove if runtime.status is Status.DELETING else self._settle
            self._in_background(work(runtime))

    async def close(self) -> None:
        """Wait for what is settling, so that a restart finds it settled."""
        await asyncio.gather(*self._settling, return_exceptions=True)

    async def _settle(self, runtime: AgentRuntime) -> None:
        version = self._repository.version(runtime.id, runtime.latest_version)
        if version is None:
            return
        if version.image is None:
            self._fail(runtime, version, CODE_ARTIFACT_UNSUPPORTED)
            return
        now = self._clock.now()
        endpoint = arrive(self._repository.endpoint(runtime.id, DEFAULT_ENDPOINT), now)
        self._repository.save(
            replace(runtime, status=Status.READY, last_updated_at=now),
            expecting=runtime.status,
            versions=[replace(version, status=Status.READY)],
            endpoints=[endpoint],
        )

    def _fail(self, runtime: AgentRuntime, version: Version, why: str) -> None:
        failed = Status.CREATE_FAILED if runtime.status is Status.CREATING else Status.UPDATE_FAILED
        now = self._clock.now()
        endpoint = self._repository.endpoint(runtime.id, DEFAULT_ENDPOINT)
        self._repository.save(
            replace(runtime, status=failed, failure_reason=why, last_updated_at=now),
            expecting=runtime.status,
            versions=[replace(version, status=failed, failure_reason=why)],
            endpoints=[replace(endpoint, status=failed, failure_reason=why, last_updated_at=now)],
        )

    async def _remove(self, runtime: AgentRuntime) -> None:
        await self._on_delete(runtime.id)
        self._repository.delete(runtime.id)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


def version_not_found(runtime_id: str, number: int | str) -> ResourceNotFoundException:
    """The error for an unknown version."""
    return ResourceNotFoundException(f"Version {number} of agent runtime '{runtime_id}' was not found.")
