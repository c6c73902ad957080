"""Creating, moving and deleting the endpoints a caller names; DEFAULT goes with its runtime (control.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ConflictException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.control import version_not_found
from agentcore_lab.runtime.endpoints import Endpoint, aim, arrive, new_endpoint, require_movable
from agentcore_lab.runtime.proof import Abandoned, Proofs
from agentcore_lab.runtime.quotas import Quotas, require_room
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.rules import require_own_keys
from agentcore_lab.runtime.transitions import Transitions
from agentcore_lab.runtime.versions import AgentRuntime, Status, judged


class EndpointControl:
    """Changes endpoints. Each change is recorded at once and settles when the version has proved healthy."""

    def __init__(
        self,
        repository: RuntimeRepository,
        clock: Clock,
        proofs: Proofs,
        transitions: Transitions,
        quotas: Quotas,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._proofs = proofs
        self._transitions = transitions
        self._quotas = quotas

    async def create(
        self,
        scope: Scope,
        runtime_id: str,
        name: str,
        version: int | None,
        description: str,
        tags: Mapping[str, str],
    ) -> Endpoint:
        """A new endpoint in CREATING, aimed at ``version`` or at the latest one.

        Raises:
            ResourceNotFoundException: no such runtime or version.
            ConflictException: the name is taken, or the runtime is being created or deleted.
            ServiceQuotaExceededException: the runtime has as many endpoints as it may.
            ValidationException: a tag cannot be used.
        """
        runtime = self._changeable(scope, runtime_id)
        require_own_keys(tags)
        number = self._existing(runtime, version or runtime.latest_version)
        endpoint = new_endpoint(runtime_id, name, number, description, self._clock.now())
        endpoints = self._repository.endpoints(runtime_id)
        if name not in {each.name for each in endpoints}:
            what = f"endpoints of agent runtime {runtime_id}"
            require_room(len(endpoints), self._quotas.endpoints_per_runtime, what)
        self._repository.add_endpoint(endpoint, tags)
        await self._transitions.begin(self._settle(endpoint))
        return endpoint

    async def update(
        self, scope: Scope, runtime_id: str, name: str, version: int | None, description: str | None
    ) -> Endpoint:
        """The endpoint on its way to ``version``, or back to READY where only the description changes.

        Raises:
            ResourceNotFoundException: no such runtime, endpoint or version.
            ConflictException: DEFAULT, or the endpoint or its runtime is being changed.
        """
        runtime = self._changeable(scope, runtime_id)
        before = self._repository.endpoint(runtime_id, name)
        require_movable(before)
        assert before.target_version is not None, "every endpoint is aimed at a version"
        number = self._existing(runtime, version or before.target_version)
        aimed = aim(before, number, self._clock.now())
        endpoint = aimed if description is None else replace(aimed, description=description)
        self._repository.save_endpoint(endpoint, expecting=before.status)
        await self._transitions.begin(self._settle(endpoint))
        return endpoint

    async def delete(self, scope: Scope, runtime_id: str, name: str) -> Endpoint:
        """The endpoint in DELETING; sessions that began through it live on to their own end.

        Raises:
            ResourceNotFoundException: no such runtime or endpoint.
            ConflictException: DEFAULT, or the endpoint or its runtime is being changed.
        """
        self._changeable(scope, runtime_id)
        before = self._repository.endpoint(runtime_id, name)
        require_movable(before)
        endpoint = replace(before, status=Status.DELETING, last_updated_at=self._clock.now())
        self._repository.save_endpoint(endpoint, expecting=before.status)
        await self._transitions.begin(self._remove(endpoint))
        return endpoint

    def resume(self) -> None:
        """Finish what an engine that ended left between two states."""
        for endpoint in self._repository.unsettled_endpoints():
            work = self._remove if endpoint.status is Status.DELETING else self._settle
            self._transitions.start(work(endpoint))

    def _changeable(self, scope: Scope, runtime_id: str) -> AgentRuntime:
        """The runtime; while it is UPDATING its endpoints may move, so that a roll-back need not wait."""
        runtime = self._repository.get(scope, runtime_id)
        if runtime.status in {Status.CREATING, Status.DELETING}:
            raise ConflictException(
                f"Agent runtime {runtime_id} is in status {runtime.status}. Wait until it has settled and try again."
            )
        return runtime

    def _existing(self, runtime: AgentRuntime, number: int) -> int:
        if self._repository.version(runtime.id, number) is None:
            raise version_not_found(runtime.id, number)
        return number

    async def _settle(self, endpoint: Endpoint) -> None:
        assert endpoint.target_version is not None, "an endpoint in motion has an aim"
        version = self._repository.version(endpoint.runtime_id, endpoint.target_version)
        assert version is not None, "a version that an endpoint is aimed at cannot be deleted"
        try:
            why = await self._proofs.of(version)
        except Abandoned:
            return
        self._repository.save_endpoint(
            arrive(endpoint, why, self._clock.now()),
            expecting=endpoint.status,
            versions=[judged(version, why)],
        )

    async def _remove(self, endpoint: Endpoint) -> None:
        self._repository.delete_endpoint(endpoint.runtime_id, endpoint.name)
