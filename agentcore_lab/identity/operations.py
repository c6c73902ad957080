"""The control-plane operations on workload identities: AWS's words in, domain calls, AWS's words out."""

from __future__ import annotations

from agentcore_lab.identity.workload import WorkloadIdentities, WorkloadIdentity
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.paging import decode_token, page

PAGE = 20
"""Identities on a page, at most and where nothing is said (AWS: ListWorkloadIdentities, maxResults)."""


class IdentityOperations:
    """Create, get, list, update and delete workload identities."""

    def __init__(self, identities: WorkloadIdentities) -> None:
        self._identities = identities

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "CreateWorkloadIdentity": self.create_workload_identity,
            "GetWorkloadIdentity": self.get_workload_identity,
            "ListWorkloadIdentities": self.list_workload_identities,
            "UpdateWorkloadIdentity": self.update_workload_identity,
            "DeleteWorkloadIdentity": self.delete_workload_identity,
        }

    async def create_workload_identity(self, scope: Scope, params: Params) -> Result:
        """AWS: CreateWorkloadIdentity."""
        urls = params.get("allowedResourceOauth2ReturnUrls", ())
        return _named(self._identities.create(scope, params["name"], urls, params.get("tags", {})))

    async def get_workload_identity(self, scope: Scope, params: Params) -> Result:
        """AWS: GetWorkloadIdentity."""
        return _whole(self._identities.get(scope, params["name"]))

    async def list_workload_identities(self, scope: Scope, params: Params) -> Result:
        """AWS: ListWorkloadIdentities, by name."""
        limit = params.get("maxResults", PAGE)
        found = self._identities.page(scope, decode_token(params.get("nextToken")), limit + 1)
        items = [{"name": each.name, "workloadIdentityArn": each.arn} for each in found[:limit]]
        return page("workloadIdentities", items, items[-1]["name"] if len(found) > limit else None)

    async def update_workload_identity(self, scope: Scope, params: Params) -> Result:
        """AWS: UpdateWorkloadIdentity."""
        urls = params.get("allowedResourceOauth2ReturnUrls")
        return _whole(self._identities.update(scope, params["name"], urls))

    async def delete_workload_identity(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteWorkloadIdentity."""
        self._identities.delete(scope, params["name"])
        return {}


def _named(identity: WorkloadIdentity) -> Result:
    return {
        "name": identity.name,
        "workloadIdentityArn": identity.arn,
        "allowedResourceOauth2ReturnUrls": list(identity.return_urls),
    }


def _whole(identity: WorkloadIdentity) -> Result:
    return {
        **_named(identity),
        "createdTime": identity.created_at,
        "lastUpdatedTime": identity.last_updated_at,
    }
