"""The token vault: what lies on the disk, for whom it is sealed, and what a change of keys does."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.errors import DecryptionFailure
from agentcore_lab.identity.key_files import FOLDER, KeyFiles
from agentcore_lab.identity.vault import Owner, TokenVault
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.settings import Settings
from agentcore_lab.store.db import Database
from agentcore_lab.testing import FakeClock
from tests.conftest import Clients
from tests.identity.test_api_keys import KEY, key_of, provide, refused, token_for
from tests.identity.test_workload_identities import make

KMS_KEY = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"


def key_files(data_dir: Path) -> list[Path]:
    """The files of keys in a data directory."""
    return sorted((data_dir / FOLDER).iterdir())


def test_a_secret_is_not_on_the_disk_in_plain(aws: Clients, settings: Settings) -> None:
    """No file of the data directory holds the key; the key file can be read by its owner alone."""
    provide(aws)
    for file in settings.data_dir.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    (key_file,) = key_files(settings.data_dir)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700


def test_the_vault_there_is(aws: Clients, clock: FakeClock) -> None:
    """GetTokenVault tells of `default`, encrypted with a key of the service; of no other."""
    for asked in ({}, {"tokenVaultId": "default"}):
        found = aws.control.get_token_vault(**asked)
        assert found["tokenVaultId"] == "default"
        assert found["kmsConfiguration"] == {"keyType": "ServiceManagedKey"}
        assert found["lastModifiedDate"] == clock.now()
    assert refused(aws.control.get_token_vault, tokenVaultId="other")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "configuration",
    [{"keyType": "CustomerManagedKey", "kmsKeyArn": KMS_KEY}, {"keyType": "ServiceManagedKey"}],
)
def test_another_key_takes_the_place_of_the_first(
    aws: Clients, settings: Settings, configuration: dict[str, str]
) -> None:
    """All secrets are encrypted anew and stay; the first key is gone, and with it what it had encrypted."""
    provide(aws)
    make(aws)
    (before,) = key_files(settings.data_dir)
    sealed = sealed_in(settings)
    changed = aws.control.set_token_vault_cmk(kmsConfiguration=configuration)
    assert changed["kmsConfiguration"] == configuration
    (after,) = key_files(settings.data_dir)
    assert before != after
    assert sealed_in(settings) != sealed
    assert key_of(aws, token_for(aws)) == KEY


def sealed_in(settings: Settings) -> list[bytes]:
    """The sealed secrets of an engine's database."""
    database = Database(settings.data_dir / "engine.db")
    try:
        return [bytes(row["sealed"]) for row in database.query("SELECT sealed FROM vault_secret")]
    finally:
        database.close()


@pytest.mark.parametrize(
    "configuration",
    [{"keyType": "CustomerManagedKey"}, {"keyType": "ServiceManagedKey", "kmsKeyArn": KMS_KEY}],
)
def test_a_customers_key_is_named_and_only_that(aws: Clients, configuration: dict[str, str]) -> None:
    """An ARN goes with a customer managed key, and with no other."""
    code, message = refused(aws.control.set_token_vault_cmk, kmsConfiguration=configuration)
    assert code == "ValidationException"
    assert "kmsKeyArn" in message


def test_a_reset_leaves_a_customers_key_behind(aws: Clients, settings: Settings) -> None:
    """Providers keep their secrets under a key of the service; with one already there is nothing to reset."""
    provide(aws)
    make(aws)
    reset = aws.control.reset_token_vault_key_material
    assert refused(reset, tokenVaultId="default")[0] == "ValidationException"
    aws.control.set_token_vault_cmk(kmsConfiguration={"keyType": "CustomerManagedKey", "kmsKeyArn": KMS_KEY})
    (before,) = key_files(settings.data_dir)
    assert reset(tokenVaultId="default")["kmsConfiguration"] == {"keyType": "ServiceManagedKey"}
    assert key_files(settings.data_dir) != [before]
    assert key_of(aws, token_for(aws)) == KEY


def test_a_lost_key_is_told(aws: Clients, settings: Settings) -> None:
    """Its secrets are lost: DecryptionFailure says which file is wanted, and that giving them again mends it."""
    provide(aws)
    make(aws)
    (key_file,) = key_files(settings.data_dir)
    content = key_file.read_bytes()
    key_file.unlink()
    asked: dict[str, Any] = {
        "workloadIdentityToken": token_for(aws),
        "resourceCredentialProviderName": "weather",
    }
    code, message = refused(aws.data.get_resource_api_key, **asked)
    assert code == "DecryptionFailure"
    assert key_file.name in message
    key_file.write_bytes(content)
    assert key_of(aws, token_for(aws)) == KEY
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


class _Sealed:
    """A vault with one provider's row, so that secrets have something to belong to."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "engine.db")
        self.vault = TokenVault(self.database, KeyFiles(folder), FakeClock())
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO credential_provider VALUES ('1', 'r', 'k', 'p', NULL, '{}', '{}', 'now', 'now')"
            )

    def put(self, owner: Owner, secret: str) -> None:
        """Keep one secret."""
        with self.database.transaction() as connection:
            self.vault.put(connection, owner, secret)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[_Sealed]:
    """A vault of this test alone."""
    vault = _Sealed(tmp_path)
    yield vault
    vault.database.close()


OWNER = Owner(Scope("1", "r"), "k", "p", "token", None, "alice")


def test_a_secret_is_sealed_to_its_owner(sealed: _Sealed) -> None:
    """Moved to another owner's row it cannot be read, though the key is the same."""
    bob = Owner(Scope("1", "r"), "k", "p", "token", None, "bob")
    sealed.put(OWNER, "alice's")
    sealed.put(bob, "bob's")
    assert sealed.vault.get(OWNER) == "alice's"
    with sealed.database.transaction() as connection:
        connection.execute(
            "UPDATE vault_secret SET sealed = (SELECT sealed FROM vault_secret WHERE owner = ?) WHERE owner = ?",
            (OWNER.digest, bob.digest),
        )
    with pytest.raises(DecryptionFailure):
        sealed.vault.get(bob)


def test_a_secret_is_never_sealed_twice_alike(sealed: _Sealed) -> None:
    """AES-GCM gives its key away where two secrets share a nonce."""
    kept = []
    for secret in ("first", "again", "again"):
        sealed.put(OWNER, secret)
        kept.append(bytes(sealed.database.query("SELECT sealed FROM vault_secret")[0]["sealed"]))
    assert len({each[:12] for each in kept}) == 3


def test_what_is_dropped_is_gone(sealed: _Sealed) -> None:
    """And with it nothing else of the vault."""
    bob = Owner(Scope("1", "r"), "k", "p", "token", None, "bob")
    sealed.put(OWNER, "alice's")
    sealed.put(bob, "bob's")
    with sealed.database.transaction() as connection:
        sealed.vault.drop(connection, OWNER)
    assert (sealed.vault.get(OWNER), sealed.vault.get(bob)) == (None, "bob's")


@pytest.mark.parametrize(
    "other",
    [
        Owner(Scope("2", "r"), "k", "p", "token", None, "alice"),
        Owner(Scope("1", "s"), "k", "p", "token", None, "alice"),
        Owner(Scope("1", "r"), "l", "p", "token", None, "alice"),
        Owner(Scope("1", "r"), "k", "q", "token", None, "alice"),
        Owner(Scope("1", "r"), "k", "p", "other", None, "alice"),
        Owner(Scope("1", "r"), "k", "p", "token", "agent", "alice"),
        Owner(Scope("1", "r"), "k", "p", "token", None, "bob"),
        Owner(Scope("1", "r"), "k", "p", "token", "alice", None),
    ],
)
def test_nobody_else_has_it(sealed: _Sealed, other: Owner) -> None:
    """Account, region, kind, provider, purpose, workload and user: one that differs is another owner."""
    sealed.put(OWNER, "alice's")
    assert sealed.vault.get(other) is None


def test_a_change_of_keys_is_whole_or_not_at_all(sealed: _Sealed, tmp_path: Path) -> None:
    """One secret that cannot be decrypted stops it: everything stays as it was, and no key is left over."""
    sealed.put(OWNER, "alice's")
    bob = Owner(Scope("1", "r"), "k", "p", "token", None, "bob")
    sealed.put(bob, "bob's")
    with sealed.database.transaction() as connection:
        connection.execute("UPDATE vault_secret SET sealed = zeroblob(40) WHERE owner = ?", (bob.digest,))
    before = key_files(tmp_path)
    with pytest.raises(DecryptionFailure):
        sealed.vault.set_key(OWNER.scope, None)
    assert key_files(tmp_path) == before
    assert sealed.vault.get(OWNER) == "alice's"


def test_what_an_interrupted_change_left_is_removed(sealed: _Sealed, tmp_path: Path) -> None:
    """A key made for a change that never happened goes when the vault is opened; the one in use stays."""
    sealed.put(OWNER, "alice's")
    KeyFiles(tmp_path).new()
    assert len(key_files(tmp_path)) == 2
    sealed.vault.open()
    assert len(key_files(tmp_path)) == 1
    assert sealed.vault.get(OWNER) == "alice's"
