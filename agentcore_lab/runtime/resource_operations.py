"""The control-plane operations on tags and resource policies of runtimes and endpoints."""

from __future__ import annotations

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.policy import check_policy
from agentcore_lab.runtime.resources import Attachments


class ResourceOperations:
    """Tag, untag, list tags; put, get and delete policies. Policies are kept and enforced by nobody yet."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
            "PutResourcePolicy": self.put_resource_policy,
            "GetResourcePolicy": self.get_resource_policy,
            "DeleteResourcePolicy": self.delete_resource_policy,
        }

    async def tag_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: TagResource."""
        self._attachments.tag(self._attachments.resource(scope, params["resourceArn"]), params["tags"])
        return {}

    async def untag_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: UntagResource."""
        self._attachments.untag(self._attachments.resource(scope, params["resourceArn"]), params["tagKeys"])
        return {}

    async def list_tags_for_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: ListTagsForResource."""
        return {"tags": self._attachments.tags(self._attachments.resource(scope, params["resourceArn"]))}

    async def put_resource_policy(self, scope: Scope, params: Params) -> Result:
        """AWS: PutResourcePolicy."""
        resource = self._attachments.resource(scope, params["resourceArn"])
        check_policy(params["policy"])
        self._attachments.put_policy(resource, params["policy"])
        return {"policy": params["policy"]}

    async def get_resource_policy(self, scope: Scope, params: Params) -> Result:
        """AWS: GetResourcePolicy; a resource without a policy is answered, with none (AWS's SDK tests rely on it)."""
        policy = self._attachments.policy(self._attachments.resource(scope, params["resourceArn"]))
        return {} if policy is None else {"policy": policy}

    async def delete_resource_policy(self, scope: Scope, params: Params) -> Result:
        """AWS: DeleteResourcePolicy."""
        self._attachments.delete_policy(self._attachments.resource(scope, params["resourceArn"]))
        return {}
