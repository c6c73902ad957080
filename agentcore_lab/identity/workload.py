"""Workload identities in the store: those that callers make, and the one of each runtime."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agentcore_lab.clock import Clock
from agentcore_lab.errors import (
    ResourceNotFoundException,
    ValidationException,
)
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.quotas import Quotas, require_room
from agentcore_lab.runtime.rules import require_own_keys
from agentcore_lab.store.db import Database

_ARN = re.compile(
    r"arn:aws(?:-[^:]+)?:bedrock-agentcore:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"workload-identity-directory/default/workload-identity/(?P<name>[^/]+)"
)
_HERE = "account_id = ? AND region = ? AND name = ?"


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """One identity. ``runtime_id``: the runtime it was made with, None for one that a caller made."""

    name: str
    arn: str
    return_urls: tuple[str, ...]
    created_at: datetime
    last_updated_at: datetime
    runtime_id: str | None


class WorkloadIdentities:
    """The directory ``default`` of an account and region."""

    def __init__(self, database: Database, clock: Clock, quotas: Quotas) -> None:
        self._db = database
        self._clock = clock
        self._quotas = quotas

    def create(
        self, scope: Scope, name: str, return_urls: Sequence[str], tags: Mapping[str, str]
    ) -> WorkloadIdentity:
        """A new identity.

        Raises:
            ValidationException: the name is taken, a runtime's included, or a tag cannot be used. The model has a
                ConflictException for it, the service answers this (observed by its users).
            ServiceQuotaExceededException: the account has as many identities as it may.
        """
        require_own_keys(tags)
        require_room(self._count(scope), self._quotas.workload_identities, "workload identities")
        now = self._clock.now().isoformat()
        row = (scope.account_id, scope.region, name, now, now, json.dumps(return_urls), json.dumps(tags))
        try:
            with self._db.transaction() as connection:
                connection.execute(
                    "INSERT INTO workload_identity"
                    " (account_id, region, name, created_at, last_updated_at, return_urls, tags)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
        except sqlite3.IntegrityError as error:
            raise ValidationException(
                f"WorkloadIdentity with name '{name}' already exists.", reason="ResourceConflict"
            ) from error
        return self.get(scope, name)

    def get(self, scope: Scope, name: str) -> WorkloadIdentity:
        """The identity. Raises ResourceNotFoundException."""
        return _identity(scope, self._row(scope, name))

    def page(self, scope: Scope, after: str, limit: int) -> list[WorkloadIdentity]:
        """Up to ``limit`` identities whose name sorts after ``after``."""
        rows = self._db.query(
            "SELECT * FROM workload_identity WHERE account_id = ? AND region = ? AND name > ?"
            " ORDER BY name LIMIT ?",
            (scope.account_id, scope.region, after, limit),
        )
        return [_identity(scope, row) for row in rows]

    def update(self, scope: Scope, name: str, return_urls: Sequence[str] | None) -> WorkloadIdentity:
        """The identity with these return URLs in place of those it had; None leaves them as they are.

        A runtime's identity can be changed too: agents get their return URLs so. Raises ResourceNotFoundException.
        """
        identity = self.get(scope, name)
        urls = identity.return_urls if return_urls is None else return_urls
        with self._db.transaction() as connection:
            connection.execute(
                f"UPDATE workload_identity SET return_urls = ?, last_updated_at = ? WHERE {_HERE}",  # noqa: S608
                (json.dumps(urls), self._clock.now().isoformat(), *_key(scope, name)),
            )
        return self.get(scope, name)

    def delete(self, scope: Scope, name: str) -> None:
        """Remove an identity that a caller made.

        Raises:
            ResourceNotFoundException: no such identity.
            ValidationException: it is a runtime's, with which it goes; in AWS's words (observed by its users).
        """
        if self.get(scope, name).runtime_id is not None:
            raise ValidationException(
                "WorkloadIdentity is linked to a service and cannot be deleted by the caller."
            )
        with self._db.transaction() as connection:
            connection.execute(f"DELETE FROM workload_identity WHERE {_HERE}", _key(scope, name))  # noqa: S608

    def names(self, arn: str) -> bool:
        """Whether an ARN has the form of a workload identity's."""
        return _ARN.fullmatch(arn) is not None

    def tags(self, scope: Scope, arn: str) -> dict[str, str]:
        """All tags of the identity. Raises ResourceNotFoundException."""
        found: dict[str, str] = json.loads(self._row(scope, _name(scope, arn))["tags"])
        return found

    def set_tags(self, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
        """Make these all the tags of the identity."""
        with self._db.transaction() as connection:
            connection.execute(
                f"UPDATE workload_identity SET tags = ? WHERE {_HERE}",  # noqa: S608
                (json.dumps(tags), *_key(scope, _name(scope, arn))),
            )

    def _row(self, scope: Scope, name: str) -> sqlite3.Row:
        rows = self._db.query(f"SELECT * FROM workload_identity WHERE {_HERE}", _key(scope, name))  # noqa: S608
        if not rows:
            raise _not_found(name)
        return rows[0]

    def _count(self, scope: Scope) -> int:
        (row,) = self._db.query(
            "SELECT count(*) AS number FROM workload_identity WHERE account_id = ? AND region = ?",
            (scope.account_id, scope.region),
        )
        return int(row["number"])


def _key(scope: Scope, name: str) -> tuple[str, str, str]:
    return scope.account_id, scope.region, name


def _name(scope: Scope, arn: str) -> str:
    match = _ARN.fullmatch(arn)
    if match is None or (match["account"], match["region"]) != (scope.account_id, scope.region):
        raise ResourceNotFoundException(f"Resource '{arn}' was not found.")
    return match["name"]


def _not_found(name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"WorkloadIdentity with name '{name}' was not found.")


def _identity(scope: Scope, row: sqlite3.Row) -> WorkloadIdentity:
    return WorkloadIdentity(
        name=row["name"],
        arn=scope.workload_identity_arn(row["name"]),
        return_urls=tuple(json.loads(row["return_urls"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        last_updated_at=datetime.fromisoformat(row["last_updated_at"]),
        runtime_id=row["runtime_id"],
    )
