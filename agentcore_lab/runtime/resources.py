"""What tags and resource policies hang on: a runtime, or one endpoint of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentcore_lab.errors import (
    InvalidField,
    ResourceNotFoundException,
    ValidationException,
)
from agentcore_lab.runtime.arn import Resource, Scope
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.rows import put_tags
from agentcore_lab.store.db import Database
from agentcore_lab.store.remembered import Remembered

_ARN = re.compile(
    r"arn:aws(?:-[^:]+)?:bedrock-agentcore:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"runtime/(?P<runtime>[^/]+)(?:/runtime-endpoint/(?P<endpoint>[^/]+))?"
)


class Attachments:
    """Tags and policies of resources that exist."""

    def __init__(self, database: Database, repository: RuntimeRepository) -> None:
        self._db = database
        self._repository = repository
        self._policies: Remembered[Mapping[Resource, str]] = Remembered(database)

    def resource(self, scope: Scope, arn: str) -> Resource:
        """What the ARN names.

        Raises:
            ResourceNotFoundException: nothing of this account and region.
            ValidationException: not an ARN of this service.
        """
        if not arn.startswith("arn:"):
            message = f"Value '{arn[:200]}' at 'resourceArn' is not an ARN"
            raise ValidationException(message, fields=(InvalidField("resourceArn", message),))
        match = _ARN.fullmatch(arn)
        if match is None or (match["account"], match["region"]) != (scope.account_id, scope.region):
            raise ResourceNotFoundException(f"Resource '{arn}' was not found.")
        runtime = self._repository.get(scope, match["runtime"])
        if match["endpoint"] is None:
            return Resource(runtime.id)
        return Resource(runtime.id, self._repository.endpoint(runtime.id, match["endpoint"]).name)

    def tags(self, resource: Resource) -> dict[str, str]:
        """All tags of the resource."""
        rows = self._db.query(
            "SELECT key, value FROM tag WHERE runtime_id = ? AND endpoint = ?",
            (resource.runtime_id, resource.endpoint),
        )
        return {row["key"]: row["value"] for row in rows}

    def set_tags(self, resource: Resource, tags: Mapping[str, str]) -> None:
        """Make these all the tags of the resource."""
        with self._db.transaction() as connection:
            connection.execute(
                "DELETE FROM tag WHERE runtime_id = ? AND endpoint = ?",
                (resource.runtime_id, resource.endpoint),
            )
            put_tags(connection, resource, tags)

    def policy(self, resource: Resource) -> str | None:
        """The resource's policy as it was given, if it has one."""
        return self.policies(resource.runtime_id).get(resource)

    def policies(self, runtime_id: str) -> Mapping[Resource, str]:
        """The policies of a runtime and of its endpoints, of those that have one."""
        return self._policies.get(runtime_id, lambda: self._read_policies(runtime_id))

    def _read_policies(self, runtime_id: str) -> Mapping[Resource, str]:
        rows = self._db.query(
            "SELECT endpoint, policy FROM resource_policy WHERE runtime_id = ?", (runtime_id,)
        )
        return {Resource(runtime_id, row["endpoint"]): row["policy"] for row in rows}

    def takes_tokens(self, scope: Scope, resource: Resource) -> bool:
        """Whether callers of the resource are known by OAuth tokens: its runtime has a JWT authorizer."""
        runtime = self._repository.get(scope, resource.runtime_id)
        version = self._repository.version(runtime.id, runtime.latest_version)
        return version is not None and bool(version.spec.get("authorizerConfiguration"))

    def put_policy(self, resource: Resource, policy: str) -> None:
        """Set or replace the resource's policy."""
        with self._db.transaction() as connection:
            connection.execute(
                "INSERT INTO resource_policy (runtime_id, endpoint, policy) VALUES (?, ?, ?)"
                " ON CONFLICT (runtime_id, endpoint) DO UPDATE SET policy = excluded.policy",
                (resource.runtime_id, resource.endpoint, policy),
            )

    def delete_policy(self, resource: Resource) -> None:
        """Remove the resource's policy. Raises ResourceNotFoundException when it has none."""
        if self.policy(resource) is None:
            raise ResourceNotFoundException("The resource has no resource policy.")
        with self._db.transaction() as connection:
            connection.execute(
                "DELETE FROM resource_policy WHERE runtime_id = ? AND endpoint = ?",
                (resource.runtime_id, resource.endpoint),
            )
