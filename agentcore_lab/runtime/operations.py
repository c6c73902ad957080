"""Operation name → coroutine: AWS's words in, domain calls, AWS's words out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentcore_lab.errors import ValidationException
from agentcore_lab.runtime.arn import Scope, runtime_id_in
from agentcore_lab.runtime.control import ControlPlane, version_not_found
from agentcore_lab.runtime.endpoints import Endpoint
from agentcore_lab.runtime.lifecycle import effective
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.versions import AgentRuntime, Version

Params = Mapping[str, Any]
Result = dict[str, Any]
Operation = Callable[[Scope, Params], Awaitable[Result]]

_DEFAULT_PAGE = 100
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
            "GetAgentRuntimeEndpoint": self.get_agent_runtime_endpoint,
            "ListAgentRuntimeEndpoints": self.list_agent_runtime_endpoints,
            "StopRuntimeSession": self.stop_runtime_session,
        }

    async def create_agent_runtime(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateAgentRuntime."""
        runtime = await self._control.create(scope, params["agentRuntimeName"], _configuration(params))
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
            self._control.delete_version(scope, runtime_id, int(asked))
            return {"agentRuntimeId": runtime_id, "agentRuntimeVersion": asked, "status": "DELETING"}
        runtime = await self._control.delete(scope, runtime_id)
        return {"agentRuntimeId": runtime_id, "status": runtime.status}

    async def list_agent_runtimes(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimes."""
        limit = params.get("maxResults", _DEFAULT_PAGE)
        runtimes = self._repository.page(scope, _decode_token(params.get("nextToken")), limit + 1)
        page = runtimes[:limit]
        items = [self._item(runtime, self._version(runtime, runtime.latest_version)) for runtime in page]
        return _page("agentRuntimes", items, page[-1].id if len(runtimes) > limit else None)

    async def list_agent_runtime_versions(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimeVersions, newest first."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        limit = params.get("maxResults", _DEFAULT_PAGE)
        token = _decode_token(params.get("nextToken"))
        below = _number(token) if token else _NEWEST_FIRST
        versions = self._repository.versions(runtime.id, below, limit + 1)
        page = versions[:limit]
        items = [self._item(runtime, version) for version in page]
        return _page("agentRuntimes", items, str(page[-1].number) if len(versions) > limit else None)

    async def get_agent_runtime_endpoint(self, scope: Scope, params: Params) -> Result:
        """AWS: GetAgentRuntimeEndpoint."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        endpoint = self._repository.endpoint(runtime.id, params["endpointName"])
        result = _endpoint(runtime, endpoint)
        if endpoint.failure_reason:
            result["failureReason"] = endpoint.failure_reason
        return result

    async def list_agent_runtime_endpoints(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimeEndpoints."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        limit = params.get("maxResults", _DEFAULT_PAGE)
        after = _decode_token(params.get("nextToken"))
        endpoints = [e for e in self._repository.endpoints(runtime.id) if e.name > after]
        page = endpoints[:limit]
        items = [_endpoint(runtime, endpoint) for endpoint in page]
        return _page("runtimeEndpoints", items, page[-1].name if len(endpoints) > limit else None)

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


def _endpoint(runtime: AgentRuntime, endpoint: Endpoint) -> Result:
    result = {
        "name": endpoint.name,
        "id": endpoint.id,
        "agentRuntimeArn": runtime.arn,
        "agentRuntimeEndpointArn": runtime.scope.endpoint_arn(runtime.id, endpoint.name),
        "description": endpoint.description,
        "status": endpoint.status,
        "createdAt": endpoint.created_at,
        "lastUpdatedAt": endpoint.last_updated_at,
    }
    if endpoint.live_version is not None:
        result["liveVersion"] = str(endpoint.live_version)
    if endpoint.target_version is not None:
        result["targetVersion"] = str(endpoint.target_version)
    return result


def _page(key: str, items: list[Result], last: str | None) -> Result:
    page: Result = {key: items}
    if last is not None:
        page["nextToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    return page


def _decode_token(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise _bad_token() from error


def _number(text: str) -> int:
    if not text.isdecimal():
        raise _bad_token()
    return int(text)


def _bad_token() -> ValidationException:
    return ValidationException("The nextToken is not one this operation returned.")
