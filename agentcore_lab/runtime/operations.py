"""Operation name → coroutine: AWS's words in, domain calls, AWS's words out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentcore_lab.runtime.arn import Scope, runtime_id_in
from agentcore_lab.runtime.control import ControlPlane, version_not_found
from agentcore_lab.runtime.lifecycle import effective
from agentcore_lab.runtime.paging import DEFAULT_PAGE, decode_number, decode_token, page
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.versions import AgentRuntime, Version

Params = Mapping[str, Any]
Result = dict[str, Any]
Operation = Callable[[Scope, Params], Awaitable[Result]]

_NOT_CONFIGURATION = frozenset({"agentRuntimeName", "agentRuntimeId", "clientToken", "tags"})
_NEWEST_FIRST = 1_000_000
"""Above every version number (AWS: at most five digits)."""


class RuntimeOperations:
    """The control-plane operations on runtimes, and StopRuntimeSession."""

    def __init__(self, repository: RuntimeRepository, control: ControlPlane, sessions: Sessions) -> None:
        self._repository = repository
        self._control = control
        self._sessions = sessions

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "CreateAgentRuntime": self.create_agent_runtime,
            "GetAgentRuntime": self.get_agent_runtime,
            "UpdateAgentRuntime": self.update_agent_runtime,
            "DeleteAgentRuntime": self.delete_agent_runtime,
            "ListAgentRuntimes": self.list_agent_runtimes,
            "ListAgentRuntimeVersions": self.list_agent_runtime_versions,
            "StopRuntimeSession": self.stop_runtime_session,
        }

    async def create_agent_runtime(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateAgentRuntime."""
        runtime = await self._control.create(
            scope, params["agentRuntimeName"], _configuration(params), params.get("tags", {})
        )
        return _changed(runtime, 1)

    async def update_agent_runtime(self, scope: Scope, params: Params) -> Result:
        """AWS: UpdateAgentRuntime."""
        runtime = await self._control.update(scope, params["agentRuntimeId"], _configuration(params))
        return {**_changed(runtime, runtime.latest_version), "lastUpdatedAt": runtime.last_updated_at}

    async def get_agent_runtime(self, scope: Scope, params: Params) -> Result:
        """AWS: GetAgentRuntime, of the latest version or of the one asked for."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        asked = params.get("agentRuntimeVersion")
        version = self._version(runtime, int(asked) if asked else runtime.latest_version)
        result = {
            **version.spec,
            **_identity(runtime, version.number),
            "agentRuntimeName": runtime.name,
            "createdAt": version.created_at if asked else runtime.created_at,
            "lastUpdatedAt": version.created_at if asked else runtime.last_updated_at,
            "status": version.status if asked else runtime.status,
            "lifecycleConfiguration": effective(version.spec.get("lifecycleConfiguration")),
            "workloadIdentityDetails": _workload_identity(runtime),
        }
        if reason := version.failure_reason or runtime.failure_reason:
            result["failureReason"] = reason
        return result

    async def delete_agent_runtime(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteAgentRuntime, the whole runtime or one version of it."""
        runtime_id = params["agentRuntimeId"]
        if asked := params.get("agentRuntimeVersion"):
            await self._control.delete_version(scope, runtime_id, int(asked))
            return {"agentRuntimeId": runtime_id, "agentRuntimeVersion": asked, "status": "DELETING"}
        runtime = await self._control.delete(scope, runtime_id)
        return {"agentRuntimeId": runtime_id, "status": runtime.status}

    async def list_agent_runtimes(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimes."""
        limit = params.get("maxResults", DEFAULT_PAGE)
        runtimes = self._repository.page(scope, decode_token(params.get("nextToken")), limit + 1)
        shown = runtimes[:limit]
        items = [self._item(runtime, self._version(runtime, runtime.latest_version)) for runtime in shown]
        return page("agentRuntimes", items, shown[-1].id if len(runtimes) > limit else None)

    async def list_agent_runtime_versions(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimeVersions, newest first."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        limit = params.get("maxResults", DEFAULT_PAGE)
        below = decode_number(params.get("nextToken")) or _NEWEST_FIRST
        versions = self._repository.versions(runtime.id, below, limit + 1)
        shown = versions[:limit]
        items = [self._item(runtime, version) for version in shown]
        return page("agentRuntimes", items, str(shown[-1].number) if len(versions) > limit else None)

    async def stop_runtime_session(self, scope: Scope, params: Params) -> Result:
        """AWS: StopRuntimeSession."""
        runtime_id = runtime_id_in(params["agentRuntimeArn"], scope.account_id, scope)
        runtime = self._repository.get(scope, runtime_id)
        if qualifier := params.get("qualifier"):
            self._repository.endpoint(runtime.id, qualifier)
        await self._sessions.stop(runtime.id, params["runtimeSessionId"])
        return {"runtimeSessionId": params["runtimeSessionId"]}

    def _version(self, runtime: AgentRuntime, number: int) -> Version:
        version = self._repository.version(runtime.id, number)
        if version is None:
            raise version_not_found(runtime.id, number)
        return version

    def _item(self, runtime: AgentRuntime, version: Version) -> Result:
        return {
            **_identity(runtime, version.number),
            "agentRuntimeName": runtime.name,
            "description": version.spec.get("description", ""),
            "lastUpdatedAt": version.created_at,
            "status": version.status,
        }


def _configuration(params: Params) -> Result:
    return {name: value for name, value in params.items() if name not in _NOT_CONFIGURATION}


def _identity(runtime: AgentRuntime, number: int) -> Result:
    return {
        "agentRuntimeArn": runtime.arn,
        "agentRuntimeId": runtime.id,
        "agentRuntimeVersion": str(number),
    }


def _changed(runtime: AgentRuntime, number: int) -> Result:
    return {
        **_identity(runtime, number),
        "createdAt": runtime.created_at,
        "status": runtime.status,
        "workloadIdentityDetails": _workload_identity(runtime),
    }


def _workload_identity(runtime: AgentRuntime) -> Result:
    return {"workloadIdentityArn": runtime.scope.workload_identity_arn(runtime.id)}
