"""Credential providers in the store: what an agent's outbound calls authenticate with, by kind and name."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.errors import (
    ResourceNotFoundException,
    ValidationException,
)
from agentcore_lab.identity.secret_source import (
    SecretInput,
    SecretReference,
    reference_for,
)
from agentcore_lab.identity.vault import Owner, TokenVault
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.quotas import Quotas, require_room
from agentcore_lab.runtime.rules import require_own_keys
from agentcore_lab.store.db import Database


class Kind(StrEnum):
    """A kind of provider, as its ARNs have it."""

    API_KEY = "apikeycredentialprovider"
    OAUTH2 = "oauth2credentialprovider"

    @property
    def folder(self) -> str:
        """Where in Secrets Manager secrets of this kind would lie."""
        return {Kind.API_KEY: "apikey", Kind.OAUTH2: "oauth2"}[self]


# TagResource takes ARNs of bedrock-agentcore alone (its pattern), the providers' own operations tell acps.
_ARN = re.compile(
    r"arn:aws(?:-[^:]+)?:(?:acps|bedrock-agentcore):(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    rf"token-vault/default/(?P<kind>{'|'.join(Kind)})/(?P<name>[^/]+)"
)
_HERE = "account_id = ? AND region = ? AND kind = ? AND name = ?"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. ``configuration`` holds no secret; ``secret`` says where the one it has lies."""

    scope: Scope
    kind: Kind
    name: str
    vendor: str | None
    configuration: Mapping[str, Any]
    secret: SecretReference
    created_at: datetime
    last_updated_at: datetime

    @property
    def arn(self) -> str:
        """AWS's name of it."""
        return self.scope.credential_provider_arn(self.kind, self.name)

    @property
    def owner(self) -> Owner:
        """Whose its secret is in the vault."""
        return Owner(self.scope, self.kind, self.name, "secret")


class CredentialProviders:
    """The providers of an account and region."""

    def __init__(self, database: Database, vault: TokenVault, clock: Clock, quotas: Quotas) -> None:
        self._db = database
        self._vault = vault
        self._clock = clock
        self._quotas = quotas

    def create(
        self,
        scope: Scope,
        kind: Kind,
        name: str,
        secret: SecretInput,
        tags: Mapping[str, str],
        *,
        vendor: str | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> Provider:
        """A new provider, its secret sealed in the vault.

        Raises:
            ValidationException: the name is taken (the model has a ConflictException, the service answers this:
                observed by its users), or a tag cannot be used.
            ServiceQuotaExceededException: the account has as many of the kind as it may.
        """
        require_own_keys(tags)
        have = self._count(scope, kind)
        require_room(
            have, self._quotas.credential_providers_of_a_kind, f"credential providers ({kind.folder})"
        )
        now = self._clock.now()
        reference = reference_for(scope, secret, kind.folder, name)
        provider = Provider(scope, kind, name, vendor, configuration or {}, reference, now, now)
        try:
            with self._db.transaction() as connection:
                connection.execute(
                    "INSERT INTO credential_provider (account_id, region, kind, name, vendor, configuration, tags,"
                    " created_at, last_updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*_key(scope, kind, name), *_columns(provider, json.dumps(tags))),
                )
                self._keep(connection, provider, secret)
        except sqlite3.IntegrityError as error:
            raise ValidationException(
                f"Credential provider with name: {name} already exists", reason="ResourceConflict"
            ) from error
        return provider

    def update(
        self,
        scope: Scope,
        kind: Kind,
        name: str,
        secret: SecretInput,
        *,
        vendor: str | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> Provider:
        """The provider with another configuration and secret; users' tokens of it stay.

        Raises:
            ResourceNotFoundException: no such provider.
        """
        before = self.get(scope, kind, name)
        reference = reference_for(scope, secret, kind.folder, name, before.secret)
        now = self._clock.now()
        provider = Provider(scope, kind, name, vendor, configuration or {}, reference, before.created_at, now)
        with self._db.transaction() as connection:
            connection.execute(
                f"UPDATE credential_provider SET vendor = ?, configuration = ?, tags = ?, created_at = ?,"  # noqa: S608
                f" last_updated_at = ? WHERE {_HERE}",
                (*_columns(provider, self._row(scope, kind, name)["tags"]), *_key(scope, kind, name)),
            )
            self._keep(connection, provider, secret)
        return provider

    def get(self, scope: Scope, kind: Kind, name: str) -> Provider:
        """The provider. Raises ResourceNotFoundException."""
        return _provider(scope, self._row(scope, kind, name))

    def page(self, scope: Scope, kind: Kind, after: str, limit: int) -> list[Provider]:
        """Up to ``limit`` providers whose name sorts after ``after``."""
        rows = self._db.query(
            "SELECT * FROM credential_provider WHERE account_id = ? AND region = ? AND kind = ? AND name > ?"
            " ORDER BY name LIMIT ?",
            (scope.account_id, scope.region, kind, after, limit),
        )
        return [_provider(scope, row) for row in rows]

    def delete(self, scope: Scope, kind: Kind, name: str) -> None:
        """Remove a provider, its secret and all users' tokens of it. Raises ResourceNotFoundException."""
        self.get(scope, kind, name)
        with self._db.transaction() as connection:
            connection.execute(f"DELETE FROM credential_provider WHERE {_HERE}", _key(scope, kind, name))  # noqa: S608

    def managed_secret(self, provider: Provider) -> str:
        """The secret that the vault has of the provider.

        Raises:
            ValidationException: it has none.
            DecryptionFailure: the vault's key is lost.
        """
        if (secret := self._vault.get(provider.owner)) is not None:
            return secret
        raise ValidationException(f"Credential provider {provider.name} has no secret.")

    def names(self, arn: str) -> bool:
        """Whether an ARN has the form of a credential provider's."""
        return _ARN.fullmatch(arn) is not None

    def tags(self, scope: Scope, arn: str) -> dict[str, str]:
        """All tags of the provider. Raises ResourceNotFoundException."""
        found: dict[str, str] = json.loads(self._row(scope, *_named(scope, arn))["tags"])
        return found

    def set_tags(self, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
        """Make these all the tags of the provider."""
        with self._db.transaction() as connection:
            connection.execute(
                f"UPDATE credential_provider SET tags = ? WHERE {_HERE}",  # noqa: S608
                (json.dumps(tags), *_key(scope, *_named(scope, arn))),
            )

    def _keep(self, connection: sqlite3.Connection, provider: Provider, secret: SecretInput) -> None:
        if secret.value is None:
            self._vault.drop(connection, provider.owner)
        else:
            self._vault.put(connection, provider.owner, secret.value)

    def _row(self, scope: Scope, kind: Kind, name: str) -> sqlite3.Row:
        rows = self._db.query(f"SELECT * FROM credential_provider WHERE {_HERE}", _key(scope, kind, name))  # noqa: S608
        if not rows:
            raise ResourceNotFoundException(f"Credential provider with name: {name} was not found.")
        return rows[0]

    def _count(self, scope: Scope, kind: Kind) -> int:
        (row,) = self._db.query(
            "SELECT count(*) AS number FROM credential_provider WHERE account_id = ? AND region = ? AND kind = ?",
            (scope.account_id, scope.region, kind),
        )
        return int(row["number"])


def _key(scope: Scope, kind: Kind, name: str) -> tuple[str, str, str, str]:
    return scope.account_id, scope.region, kind, name


def _named(scope: Scope, arn: str) -> tuple[Kind, str]:
    match = _ARN.fullmatch(arn)
    if match is None or (match["account"], match["region"]) != (scope.account_id, scope.region):
        raise ResourceNotFoundException(f"Resource '{arn}' was not found.")
    return Kind(match["kind"]), match["name"]


def _columns(provider: Provider, tags: str) -> tuple[str | None, ...]:
    whole = {
        "configuration": provider.configuration,
        "secret": provider.secret.stored(),
    }
    return (
        provider.vendor,
        json.dumps(whole),
        tags,
        provider.created_at.isoformat(),
        provider.last_updated_at.isoformat(),
    )


def _provider(scope: Scope, row: sqlite3.Row) -> Provider:
    whole = json.loads(row["configuration"])
    return Provider(
        scope,
        Kind(row["kind"]),
        row["name"],
        row["vendor"],
        whole["configuration"],
        SecretReference.of(whole["secret"]),
        datetime.fromisoformat(row["created_at"]),
        datetime.fromisoformat(row["last_updated_at"]),
    )
