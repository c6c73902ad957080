"""The control-plane operations on endpoints: AWS's words in, domain calls, AWS's words out."""

from __future__ import annotations

from typing import Any

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.endpoint_control import EndpointControl
from agentcore_lab.runtime.endpoints import Endpoint
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.paging import DEFAULT_PAGE, decode_token, page
from agentcore_lab.runtime.repository import RuntimeRepository


class EndpointOperations:
    """Create, get, list, update and delete endpoints."""

    def __init__(self, repository: RuntimeRepository, control: EndpointControl) -> None:
        self._repository = repository
        self._control = control

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "CreateAgentRuntimeEndpoint": self.create_agent_runtime_endpoint,
            "GetAgentRuntimeEndpoint": self.get_agent_runtime_endpoint,
            "UpdateAgentRuntimeEndpoint": self.update_agent_runtime_endpoint,
            "DeleteAgentRuntimeEndpoint": self.delete_agent_runtime_endpoint,
            "ListAgentRuntimeEndpoints": self.list_agent_runtime_endpoints,
        }

    async def create_agent_runtime_endpoint(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateAgentRuntimeEndpoint."""
        endpoint = await self._control.create(
            scope,
            params["agentRuntimeId"],
            params["name"],
            _number(params.get("agentRuntimeVersion")),
            params.get("description", ""),
            params.get("tags", {}),
        )
        return {
            **_identity(scope, endpoint),
            "targetVersion": str(endpoint.target_version),
            "agentRuntimeId": endpoint.runtime_id,
            "endpointName": endpoint.name,
            "status": endpoint.status,
            "createdAt": endpoint.created_at,
        }

    async def get_agent_runtime_endpoint(self, scope: Scope, params: Params) -> Result:
        """AWS: GetAgentRuntimeEndpoint."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        endpoint = self._repository.endpoint(runtime.id, params["endpointName"])
        result = _whole(scope, endpoint)
        if endpoint.failure_reason:
            result["failureReason"] = endpoint.failure_reason
        return result

    async def update_agent_runtime_endpoint(self, scope: Scope, params: Params) -> Result:
        """AWS: UpdateAgentRuntimeEndpoint."""
        endpoint = await self._control.update(
            scope,
            params["agentRuntimeId"],
            params["endpointName"],
            _number(params.get("agentRuntimeVersion")),
            params.get("description"),
        )
        return {**_identity(scope, endpoint), **_versions(endpoint), **_state(endpoint)}

    async def delete_agent_runtime_endpoint(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteAgentRuntimeEndpoint."""
        endpoint = await self._control.delete(scope, params["agentRuntimeId"], params["endpointName"])
        return {
            "status": endpoint.status,
            "agentRuntimeId": endpoint.runtime_id,
            "endpointName": endpoint.name,
        }

    async def list_agent_runtime_endpoints(self, scope: Scope, params: Params) -> Result:
        """AWS: ListAgentRuntimeEndpoints."""
        runtime = self._repository.get(scope, params["agentRuntimeId"])
        limit = params.get("maxResults", DEFAULT_PAGE)
        after = decode_token(params.get("nextToken"))
        found = [endpoint for endpoint in self._repository.endpoints(runtime.id) if endpoint.name > after]
        shown = found[:limit]
        items = [_whole(scope, endpoint) for endpoint in shown]
        return page("runtimeEndpoints", items, shown[-1].name if len(found) > limit else None)


def _number(version: str | None) -> int | None:
    return int(version) if version else None


def _identity(scope: Scope, endpoint: Endpoint) -> Result:
    return {
        "agentRuntimeArn": scope.runtime_arn(endpoint.runtime_id),
        "agentRuntimeEndpointArn": scope.endpoint_arn(endpoint.runtime_id, endpoint.name),
    }


def _versions(endpoint: Endpoint) -> Result:
    versions = {"liveVersion": endpoint.live_version, "targetVersion": endpoint.target_version}
    return {name: str(number) for name, number in versions.items() if number is not None}


def _state(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "status": endpoint.status,
        "createdAt": endpoint.created_at,
        "lastUpdatedAt": endpoint.last_updated_at,
    }


def _whole(scope: Scope, endpoint: Endpoint) -> Result:
    whole = {
        "name": endpoint.name,
        "id": endpoint.id,
        **_identity(scope, endpoint),
        **_versions(endpoint),
        **_state(endpoint),
    }
    # The model requires no description, and allows no empty one.
    return {**whole, "description": endpoint.description} if endpoint.description else whole
