"""The control-plane operations on tags, and on resource policies of runtimes and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result
from agentcore_lab.runtime.policy import check_policy
from agentcore_lab.runtime.resources import Attachments
from agentcore_lab.runtime.rules import require_own_keys, with_tags


class Taggable(Protocol):
    """Resources of another kind that carry tags: workload identities, credential providers."""

    def names(self, arn: str) -> bool:
        """Whether the ARN is of that kind; the other methods are for those alone."""

    def tags(self, scope: Scope, arn: str) -> dict[str, str]:
        """All tags. Raises ResourceNotFoundException."""

    def set_tags(self, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
        """Make these all its tags."""


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
        """AWS: TagResource; other tags stay."""
        arn, tags = params["resourceArn"], params["tags"]
        before = self._tags(scope, arn)
        require_own_keys(tags)
        self._set_tags(scope, arn, with_tags(before, tags))
        return {}

    async def untag_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: UntagResource; keys the resource does not have are no error."""
        arn, gone = params["resourceArn"], frozenset(params["tagKeys"])
        kept = {key: value for key, value in self._tags(scope, arn).items() if key not in gone}
        self._set_tags(scope, arn, kept)
        return {}

    async def list_tags_for_resource(self, scope: Scope, params: Params) -> Result:
        """AWS: ListTagsForResource."""
        return {"tags": self._tags(scope, params["resourceArn"])}

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

    def _tags(self, scope: Scope, arn: str) -> dict[str, str]:
        if other := self._other(arn):
            return other.tags(scope, arn)
        return self._attachments.tags(self._attachments.resource(scope, arn))

    def _set_tags(self, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
        if other := self._other(arn):
            other.set_tags(scope, arn, tags)
        else:
            self._attachments.set_tags(self._attachments.resource(scope, arn), tags)

    def _other(self, arn: str) -> Taggable | None:
        return next((each for each in self._others if each.names(arn)), None)
