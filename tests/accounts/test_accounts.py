"""Accounts and credentials, as the engine, the command line and notebooks share them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentcore_lab.accounts.accounts import AccountError, Accounts, accounts_in
from agentcore_lab.accounts.handed_out import client_environment, credentials_for
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab import Lab
from agentcore_lab.store.db import Database

OWN = "123456789012"
ROLE = "arn:aws:sts::123456789012:assumed-role/Agents/one"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def moments() -> list[datetime]:
    """What the clock of ``accounts`` shows: the last of these."""
    return [NOON]


@pytest.fixture
def accounts(tmp_path: Path, moments: list[datetime]) -> Iterator[Accounts]:
    """The accounts of a new store."""
    database = Database(tmp_path / "engine.db")
    yield Accounts(database, OWN, lambda: moments[-1])
    database.close()


def test_credentials_last_as_long_as_the_data_directory(tmp_path: Path) -> None:
    """Whoever opens it again finds the same, in AWS's form and under a prefix that AWS does not issue."""
    with accounts_in(tmp_path, OWN) as first:
        issued = first.credentials(OWN)
    with accounts_in(tmp_path, OWN) as second:
        assert second.credentials(OWN) == issued == second.of_key(issued.access_key_id)
    assert issued.access_key_id.startswith("AKIALAB")
    assert (len(issued.access_key_id), len(issued.secret_access_key)) == (20, 40)
    assert issued.principal_arn == f"arn:aws:iam::{OWN}:user/agentcore-lab"


def test_secrets_are_for_the_owner_of_the_files_alone(tmp_path: Path) -> None:
    """Every file of the store has mode 0600; no repr shows a secret."""
    with accounts_in(tmp_path, OWN) as accounts:
        issued = accounts.issue_temporary(OWN, ROLE, timedelta(hours=1))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"engine.db", "engine.db-wal"}
    assert set(modes.values()) == {0o600}
    assert issued.secret_access_key not in repr(issued)
    assert issued.session_token is not None
    assert issued.session_token not in repr(issued)


def test_accounts_have_names_and_credentials_of_their_own(accounts: Accounts) -> None:
    """Names are taken once; an account is found by either."""
    alice = accounts.add("alice")
    assert alice.id.isdecimal()
    assert len(alice.id) == 12
    assert [account.name for account in accounts.all()] == ["default", "alice"]
    assert accounts.find("alice") == accounts.find(alice.id) == alice
    assert accounts.credentials(alice.id).account_id == alice.id
    assert accounts.credentials(alice.id).access_key_id != accounts.credentials(OWN).access_key_id
    with pytest.raises(AccountError, match="already"):
        accounts.add("alice")
    with pytest.raises(AccountError, match="cannot be"):
        accounts.add("no name")
    with pytest.raises(AccountError, match="There are: default, alice"):
        accounts.find("bob")


def test_what_one_process_adds_another_finds(tmp_path: Path) -> None:
    """An engine that runs need not be told."""
    with accounts_in(tmp_path, OWN) as engine:
        assert engine.of_key("AKIALABNOBODY") is None
        with accounts_in(tmp_path, OWN) as command:
            key = command.credentials(command.add("alice").id)
        assert engine.of_key(key.access_key_id) == key


def test_temporary_credentials_end_and_are_forgotten_a_day_later(
    accounts: Accounts, moments: list[datetime]
) -> None:
    """Until then a caller can be told that they have expired."""
    issued = accounts.issue_temporary(OWN, ROLE, timedelta(hours=1))
    assert issued.access_key_id.startswith("ASIALAB")
    assert (issued.expires_at, issued.principal_arn) == (NOON + timedelta(hours=1), ROLE)
    assert issued.environment()["AWS_SESSION_TOKEN"] == issued.session_token
    moments.append(NOON + timedelta(hours=24))
    accounts.issue_temporary(OWN, ROLE, timedelta(hours=1))
    assert accounts.of_key(issued.access_key_id) == issued
    moments.append(NOON + timedelta(hours=26))
    accounts.issue_temporary(OWN, ROLE, timedelta(hours=1))
    assert accounts.of_key(issued.access_key_id) is None
    assert accounts.credentials(OWN).account_id == OWN


def test_clients_get_an_accounts_credentials(engine: RunningEngine, lab: Lab) -> None:
    """``agentcore-lab env`` and ``Lab`` hand out the same; ``Lab(account=…)`` another account's."""
    with accounts_in(Path(engine.data_dir), OWN) as accounts:
        alice = accounts.add("alice")
    assert lab.environment == client_environment(engine)
    assert lab.environment["AWS_ACCESS_KEY_ID"] == credentials_for(engine).access_key_id
    hers = Lab(data_dir=engine.data_dir, account="alice")
    assert hers.account_id == alice.id
    assert hers.role_arn == f"arn:aws:iam::{alice.id}:role/AgentCoreLabRole"
    assert hers.environment["AWS_ACCESS_KEY_ID"] == credentials_for(engine, "alice").access_key_id
    with pytest.raises(AccountError, match="no account 'bob'"):
        Lab(data_dir=engine.data_dir, account="bob")


def test_a_kernel_with_an_accounts_variables_is_of_that_account(
    engine: RunningEngine, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``agentcore-lab env --account alice`` is enough for notebooks that say ``Lab()``; keys of elsewhere are not."""
    with accounts_in(Path(engine.data_dir), OWN) as accounts:
        alice = accounts.add("alice")
        session = accounts.issue_temporary(alice.id, ROLE, timedelta(hours=1))
    for issued in (credentials_for(engine, "alice"), session):
        for name, value in issued.environment().items():
            monkeypatch.setenv(name, value)
        assert Lab(data_dir=engine.data_dir).account_id == alice.id
    assert Lab(data_dir=engine.data_dir, account="default").account_id == OWN
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALABOFANOTHER")
    assert Lab(data_dir=engine.data_dir).account_id == lab.account_id == OWN
