"""Creating, updating and deleting runtimes: each change is recorded at once and settles in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ConflictException, ResourceNotFoundException
from agentcore_lab.runtime.arn import Scope, new_id
from agentcore_lab.runtime.artifact import Artifacts
from agentcore_lab.runtime.endpoints import aim, arrive, default_endpoint
from agentcore_lab.runtime.proof import Abandoned, Proofs
from agentcore_lab.runtime.quotas import Quotas, require_room
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.rules import check_configuration, require_own_keys
from agentcore_lab.runtime.transitions import Transitions
from agentcore_lab.runtime.versions import (
    DEFAULT_ENDPOINT,
    AgentRuntime,
    Status,
    first_version,
    judged,
    next_version,
    outcome,
    require_settled,
)
from agentcore_lab.sandbox.base import Image


class ControlPlane:
    """Changes runtimes. ``on_delete`` is awaited before a runtime's record goes: it ends its sessions."""

    def __init__(
        self,
        repository: RuntimeRepository,
        artifacts: Artifacts,
        clock: Clock,
        proofs: Proofs,
        transitions: Transitions,
        on_delete: Callable[[str], Awaitable[None]],
        quotas: Quotas,
    ) -> None:
        self._repository = repository
        self._artifacts = artifacts
        self._clock = clock
        self._proofs = proofs
        self._transitions = transitions
        self._on_delete = on_delete
        self._quotas = quotas

    async def create(
        self, scope: Scope, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]
    ) -> AgentRuntime:
        """A new runtime in CREATING, with version 1 and the endpoint DEFAULT.

        Raises:
            ValidationException: the configuration, its image or a tag cannot be used.
            ConflictException: the name is taken.
            ServiceQuotaExceededException: the account has as many runtimes as it may.
        """
        check_configuration(spec, scope)
        require_own_keys(tags)
        async with self._artifacts.resolved(scope, spec["agentRuntimeArtifact"]) as image:
            require_room(self._repository.count_runtimes(scope), self._quotas.runtimes, "agent runtimes")
            now = self._clock.now()
            runtime = AgentRuntime(new_id(name), name, scope, Status.CREATING, 1, now, now)
            version = first_version(runtime, spec, image)
            self._repository.create(runtime, version, default_endpoint(runtime), tags)
        await self._transitions.begin(self._settle(runtime))
        return runtime

    async def update(self, scope: Scope, runtime_id: str, spec: Mapping[str, Any]) -> AgentRuntime:
        """The runtime in UPDATING, with a new version on the way that DEFAULT follows.

        Raises:
            ResourceNotFoundException: no such runtime.
            ConflictException: another change is under way.
            ValidationException: the configuration or its image cannot be used.
            ServiceQuotaExceededException: the runtime has as many versions as it may.
        """
        require_settled(self._repository.get(scope, runtime_id))
        check_configuration(spec, scope)
        async with self._artifacts.resolved(scope, spec["agentRuntimeArtifact"]) as image:
            runtime = self._updated(scope, runtime_id, spec, image)
        await self._transitions.begin(self._settle(runtime))
        return runtime

    def _updated(self, scope: Scope, runtime_id: str, spec: Mapping[str, Any], image: Image) -> AgentRuntime:
        before = self._repository.get(scope, runtime_id)
        versions = self._repository.count_versions(runtime_id)
        require_room(versions, self._quotas.versions_per_runtime, f"versions of agent runtime {runtime_id}")
        now = self._clock.now()
        runtime, version = next_version(before, spec, image, now)
        endpoint = aim(self._repository.endpoint(runtime_id, DEFAULT_ENDPOINT), version.number, now)
        if not self._repository.save(
            runtime, expecting=before.status, versions=[version], endpoints=[endpoint]
        ):
            raise ConflictException(f"Agent runtime {runtime_id} is being changed by another request.")
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
        await self._transitions.begin(self._remove(runtime))
        return runtime

    async def delete_version(self, scope: Scope, runtime_id: str, number: int) -> None:
        """Remove one version that no endpoint points at.

        Raises:
            ResourceNotFoundException: no such runtime or version.
            ConflictException: another change is under way, or an endpoint points at the version.
        """
        runtime = self._repository.get(scope, runtime_id)
        require_settled(runtime)
        version = self._repository.version(runtime_id, number)
        if version is None:
            raise version_not_found(runtime_id, number)
        for endpoint in self._repository.endpoints(runtime_id):
            if number in {endpoint.live_version, endpoint.target_version}:
                raise ConflictException(
                    f"Version {number} of agent runtime {runtime_id} is in use by endpoint {endpoint.name}."
                )
        self._repository.delete_version(runtime_id, number)
        await self._artifacts.forget([version])

    def resume(self) -> None:
        """Finish what an engine that ended left between two states."""
        for runtime in self._repository.unsettled():
            work = self._remove if runtime.status is Status.DELETING else self._settle
            self._transitions.start(work(runtime))

    async def _settle(self, runtime: AgentRuntime) -> None:
        """Version, runtime and DEFAULT become READY together, or fail together with the proof's reason."""
        version = self._repository.version(runtime.id, runtime.latest_version)
        assert version is not None, "the version that DEFAULT is aimed at cannot be deleted"
        try:
            why = await self._proofs.of(version)
        except Abandoned:
            return
        now = self._clock.now()
        settled = replace(
            runtime, status=outcome(runtime.status, why), failure_reason=why, last_updated_at=now
        )
        endpoint = arrive(self._repository.endpoint(runtime.id, DEFAULT_ENDPOINT), why, now)
        self._repository.save(
            settled, expecting=runtime.status, versions=[judged(version, why)], endpoints=[endpoint]
        )

    async def _remove(self, runtime: AgentRuntime) -> None:
        await self._proofs.abandon(runtime.id)
        await self._on_delete(runtime.id)
        versions = self._repository.all_versions(runtime.id)
        self._repository.delete(runtime.id)
        await self._artifacts.forget(versions)


def version_not_found(runtime_id: str, number: int | str) -> ResourceNotFoundException:
    """The error for an unknown version."""
    return ResourceNotFoundException(f"Version {number} of agent runtime '{runtime_id}' was not found.")
