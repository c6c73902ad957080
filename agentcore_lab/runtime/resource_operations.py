"""The control-plane operations on tags, and on resource policies of runtimes and endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.policy import check_policy
from agentcore_lab.runtime.resources import Attachments


class Taggable(Protocol):
    """Resources of another kind that carry tags: workload identities, credential providers."""

    def names(self, arn: str) -> bool:
        """Whether the ARN is of that kind; the other methods are for those alone."""

    def tags(self, scope: Scope, arn: str) -> dict[str, str]:
        """All tags."""

    def tag(self, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def untag(self, scope: Scope, arn: str, keys: Iterable[str]) -> None:
        """Remove tags."""


class ResourceOperations:
    """Tag, untag, list tags; put, get and delete policies, which authorization.py enforces."""

    def __init__(self, attachments: Attachments, *others: Taggable) -> None:
        self._attachments = attachments
        self._others = others

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
        arn, tags = params["resourceArn"], params["tags"]
        if other := self._other(arn):
            other.tag(scope, arn, tags)
        else:
            self._attachments.tag(self._attachments.resource(scope, arn), tags)
        return {}

    async def untag_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: UntagResource."""
        arn, keys = params["resourceArn"], params["tagKeys"]
        if other := self._other(arn):
            other.untag(scope, arn, keys)
        else:
            self._attachments.untag(self._attachments.resource(scope, arn), keys)
        return {}

    async def list_tags_for_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: ListTagsForResource."""
        arn = params["resourceArn"]
        if other := self._other(arn):
            return {"tags": other.tags(scope, arn)}
        return {"tags": self._attachments.tags(self._attachments.resource(scope, arn))}

    async def put_resource_policy(self, scope: Scope, params: Params) -> Result:
        """AWS: PutResourcePolicy."""
        resource = self._attachments.resource(scope, params["resourceArn"])
        takes_tokens = self._attachments.takes_tokens(scope, resource)
        check_policy(params["policy"], resource.arn(scope), takes_tokens=takes_tokens)
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

    def _other(self, arn: str) -> Taggable | None:
        return next((each for each in self._others if each.names(arn)), None)
