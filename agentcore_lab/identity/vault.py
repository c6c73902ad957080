"""The token vault: secrets of credential providers and tokens of users, sealed at rest and each to its owner."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agentcore_lab.clock import Clock
from agentcore_lab.errors import DecryptionFailure, ResourceNotFoundException, ValidationException
from agentcore_lab.identity.key_files import KeyFiles
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.store.db import Database

VAULT = "default"
"""The one vault an account has in a region (AWS: GetTokenVault)."""

_NONCE_BYTES = 12
_HERE = "account_id = ? AND region = ?"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a secret is. It is sealed to all of this: whoever asks for it as somebody else gets nothing.

    ``kind`` and ``provider`` name the credential provider, ``what`` tells its secrets apart. ``workload`` and ``user``
    are None for what belongs to the provider itself.
    """

    scope: Scope
    kind: str
    provider: str
    what: str
    workload: str | None = None
    user: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the owner, by which the secret is found and to which it is sealed: no user id is stored."""
        whole = (
            self.scope.account_id,
            self.scope.region,
            VAULT,
            self.kind,
            self.provider,
            self.what,
            self.workload,
            self.user,
        )
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The key of an account's vault in a region. ``kms_key_arn`` is set for a customer managed key."""

    key_id: str
    kms_key_arn: str | None
    last_modified_at: datetime


class TokenVault:
    """Keeps secrets in the store. AES-256-GCM under a key of the vault, the owner's digest as associated data."""

    def __init__(self, database: Database, keys: KeyFiles, clock: Clock) -> None:
        self._db = database
        self._keys = keys
        self._clock = clock

    def open(self) -> None:
        """Remove what an interrupted change of keys left behind."""
        self._keys.keep_only({row["key_id"] for row in self._db.query("SELECT key_id FROM token_vault")})

    def put(self, connection: sqlite3.Connection, owner: Owner, secret: str) -> None:
        """Keep a secret, in place of the one its owner had; part of the caller's transaction."""
        cipher = self._keys.cipher(self._key(connection, owner.scope).key_id)
        connection.execute(
            "INSERT OR REPLACE INTO vault_secret (owner, account_id, region, kind, provider, workload, sealed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                owner.digest,
                owner.scope.account_id,
                owner.scope.region,
                owner.kind,
                owner.provider,
                owner.workload,
                _seal(cipher, owner.digest, secret.encode()),
            ),
        )

    def get(self, owner: Owner) -> str | None:
        """The owner's secret, or None. Raises DecryptionFailure when its key is lost or it was tampered with."""
        rows = self._db.query("SELECT sealed FROM vault_secret WHERE owner = ?", (owner.digest,))
        if not rows:
            return None
        cipher = self._keys.cipher(self.key(owner.scope).key_id)
        return _unseal(cipher, owner.digest, rows[0]["sealed"]).decode()

    def drop(self, connection: sqlite3.Connection, owner: Owner) -> None:
        """Forget the owner's secret, if there is one; part of the caller's transaction."""
        connection.execute("DELETE FROM vault_secret WHERE owner = ?", (owner.digest,))

    def key(self, scope: Scope) -> VaultKey:
        """What the vault is encrypted with; the vault is made the first time it is asked for."""
        if rows := self._rows(scope):
            return _vault_key(rows[0])
        with self._db.transaction() as connection:
            return self._key(connection, scope)

    def set_key(self, scope: Scope, kms_key_arn: str | None) -> VaultKey:
        """Encrypt the whole vault anew under a new key: all of it, or nothing.

        No KMS is asked: ``kms_key_arn`` is kept and shown, a key of the vault's own does its work.

        Raises:
            DecryptionFailure: the present key is lost, so nothing can be encrypted anew.
        """
        return self._change(scope, kms_key_arn, keep_tokens=True)

    def reset(self, scope: Scope) -> VaultKey:
        """Go back to a key of the service; providers stay, users' tokens do not (AWS: ResetTokenVaultKeyMaterial).

        Raises:
            ValidationException: the vault has no customer managed key whose loss it could be helped out of.
            DecryptionFailure: the present key's file is lost.
        """
        if self.key(scope).kms_key_arn is None:
            raise ValidationException(
                "The token vault is encrypted with a service managed key. Only a token vault whose customer managed "
                "key has been deleted can be reset. To change the key use SetTokenVaultCMK."
            )
        return self._change(scope, None, keep_tokens=False)

    def _change(self, scope: Scope, kms_key_arn: str | None, *, keep_tokens: bool) -> VaultKey:
        before = self.key(scope)
        old, new_id = self._keys.cipher(before.key_id), self._keys.new()
        new, now = self._keys.cipher(new_id), self._clock.now()
        here = (scope.account_id, scope.region)
        try:
            with self._db.transaction() as connection:
                if not keep_tokens:
                    connection.execute(
                        f"DELETE FROM vault_secret WHERE {_HERE} AND workload IS NOT NULL",  # noqa: S608
                        here,
                    )
                rows = connection.execute(
                    f"SELECT owner, sealed FROM vault_secret WHERE {_HERE}",  # noqa: S608
                    here,
                ).fetchall()
                connection.executemany(
                    "UPDATE vault_secret SET sealed = ? WHERE owner = ?",
                    [
                        (_seal(new, row["owner"], _unseal(old, row["owner"], row["sealed"])), row["owner"])
                        for row in rows
                    ],
                )
                connection.execute(
                    f"UPDATE token_vault SET key_id = ?, kms_key_arn = ?, last_modified_at = ? WHERE {_HERE}",  # noqa: S608
                    (new_id, kms_key_arn, now.isoformat(), *here),
                )
        except BaseException:
            self._keys.forget(new_id)
            raise
        self._keys.forget(before.key_id)
        return VaultKey(new_id, kms_key_arn, now)

    def _key(self, connection: sqlite3.Connection, scope: Scope) -> VaultKey:
        if rows := self._rows(scope):
            return _vault_key(rows[0])
        key = VaultKey(self._keys.new(), None, self._clock.now())
        connection.execute(
            "INSERT INTO token_vault (account_id, region, key_id, last_modified_at) VALUES (?, ?, ?, ?)",
            (scope.account_id, scope.region, key.key_id, key.last_modified_at.isoformat()),
        )
        return key

    def _rows(self, scope: Scope) -> list[sqlite3.Row]:
        return self._db.query(
            f"SELECT * FROM token_vault WHERE {_HERE}",  # noqa: S608
            (scope.account_id, scope.region),
        )


def require_vault(vault_id: str) -> None:
    """Raise ResourceNotFoundException unless this is the vault there is."""
    if vault_id != VAULT:
        raise ResourceNotFoundException(f"Token vault '{vault_id}' was not found.")


def _seal(cipher: AESGCM, owner: str, secret: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, owner.encode())


def _unseal(cipher: AESGCM, owner: str, sealed: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
    except InvalidTag as error:
        raise DecryptionFailure("A secret of the token vault cannot be decrypted.") from error


def _vault_key(row: sqlite3.Row) -> VaultKey:
    return VaultKey(row["key_id"], row["kms_key_arn"], datetime.fromisoformat(row["last_modified_at"]))
