"""The tokens users have let agents have, in the vault: each of one workload, one user, and what was asked for."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ResourceNotFoundException
from agentcore_lab.identity.authorization_server import Granted
from agentcore_lab.identity.consents import Wanted
from agentcore_lab.identity.providers import Kind
from agentcore_lab.identity.vault import Owner, TokenVault
from agentcore_lab.store.db import Database

_EARLY = timedelta(seconds=30)
"""A token that ends so soon would end on its way to the resource."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A user's token as it is kept; ``ends_at`` is None for one whose provider did not say."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    ends_at: datetime | None

    def lasts(self, now: datetime) -> bool:
        """Whether it can still be given out."""
        return self.ends_at is None or now < self.ends_at - _EARLY


class UserTokens:
    """Reads and writes users' tokens in the vault."""

    def __init__(self, database: Database, vault: TokenVault, clock: Clock) -> None:
        self._db = database
        self._vault = vault
        self._clock = clock

    def get(self, wanted: Wanted) -> Kept | None:
        """The token that this workload has from this user for this; None where it has none."""
        stored = self._vault.get(_owner(wanted))
        if stored is None:
            return None
        said = json.loads(stored)
        ends_at = datetime.fromtimestamp(said["until"], UTC) if said["until"] is not None else None
        return Kept(said["access"], said["refresh"], ends_at)

    def keep(self, wanted: Wanted, granted: Granted, refresh_token: str | None = None) -> Kept:
        """Keep what a provider granted; ``refresh_token`` is the one so far, where it gave no new one.

        Raises:
            ResourceNotFoundException: provider or workload were deleted while the token was fetched.
        """
        ends_at = None
        if granted.seconds is not None:
            ends_at = self._clock.now() + timedelta(seconds=granted.seconds)
        kept = Kept(granted.access_token, granted.refresh_token or refresh_token, ends_at)
        said = {
            "access": kept.access_token,
            "refresh": kept.refresh_token,
            "until": ends_at.timestamp() if ends_at else None,
        }
        try:
            with self._db.transaction() as connection:
                self._vault.put(connection, _owner(wanted), json.dumps(said))
        except sqlite3.IntegrityError as error:
            raise ResourceNotFoundException(
                f"Credential provider {wanted.provider} or workload identity {wanted.workload} is gone."
            ) from error
        return kept

    def drop(self, wanted: Wanted) -> None:
        """Forget the token: its provider does not take it any more."""
        with self._db.transaction() as connection:
            self._vault.drop(connection, _owner(wanted))


def key_of(wanted: Wanted) -> str:
    """What tells one token from every other."""
    return _owner(wanted).digest


def _owner(wanted: Wanted) -> Owner:
    # Other scopes, resources or audiences are another token: one consent never widens another.
    asked = json.dumps([sorted(wanted.scopes), sorted(wanted.resources), sorted(wanted.audiences)])
    return Owner(
        wanted.scope, Kind.OAUTH2, wanted.provider, f"token {asked}", wanted.workload, wanted.user.id
    )
