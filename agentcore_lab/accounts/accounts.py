"""Accounts and credentials in an engine's store, which they outlive no engine without."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from agentcore_lab.accounts.credentials import Credentials, new_credentials, user_arn
from agentcore_lab.clock import machine_time
from agentcore_lab.plain_error import PlainError
from agentcore_lab.settings import LAB_KEY_PREFIX
from agentcore_lab.store.db import Database

DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
_COLUMNS = "access_key_id, secret_access_key, account_id, principal_arn, session_token, expires_at"


class AccountError(PlainError):
    """An account cannot be made, or there is none of that name."""


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account that the engine plays: 12 digits, and a name for people."""

    id: str
    name: str


class Accounts:
    """The accounts of one store. Several processes may hold one: what one of them writes the others find.

    ``default_id`` is the account there always is.
    """

    def __init__(
        self, database: Database, default_id: str, now: Callable[[], datetime] = machine_time
    ) -> None:
        self._database = database
        self._now = now
        self._known: dict[str, Credentials] = {}
        self.default_id = default_id
        if not database.query("SELECT 1 FROM account WHERE id = ?", (default_id,)):
            self._create(Account(default_id, DEFAULT_NAME), "INSERT OR IGNORE")

    def all(self) -> list[Account]:
        """Every account, the oldest first."""
        return [Account(*row) for row in self._database.query("SELECT id, name FROM account ORDER BY rowid")]

    def find(self, wanted: str) -> Account:
        """The account of this name or id. Raises AccountError."""
        for account in self.all():
            if wanted in {account.name, account.id}:
                return account
        names = ", ".join(account.name for account in self.all())
        raise AccountError(f"There is no account {wanted!r}. There are: {names}.")

    def add(self, name: str) -> Account:
        """A new account with credentials of its own. Raises AccountError: the name is taken, or none."""
        if not _NAME.fullmatch(name):
            raise AccountError(
                f"{name!r} cannot be an account's name: use up to 50 letters, digits, dots, dashes and underscores."
            )
        taken = {account.id for account in self.all()}
        numbers = iter(lambda: f"{secrets.randbelow(9 * 10**11) + 10**11}", "")
        account = Account(next(number for number in numbers if number not in taken), name)
        try:
            self._create(account, "INSERT")
        except sqlite3.IntegrityError:
            raise AccountError(f"There is an account {name!r} already.") from None
        return account

    def credentials(self, account_id: str) -> Credentials:
        """The account's own credentials, an administrator's, which do not expire."""
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM access_key WHERE account_id = ? AND access_key_id GLOB ?",  # noqa: S608
            (account_id, f"{LAB_KEY_PREFIX}*"),
        )
        return _credentials(rows[0])

    def of_key(self, access_key_id: str) -> Credentials | None:
        """What has been issued under this key, expired or not; None for a key that is not the engine's."""
        found = self._known.get(access_key_id)
        if found is None:
            rows = self._database.query(
                f"SELECT {_COLUMNS} FROM access_key WHERE access_key_id = ?",  # noqa: S608
                (access_key_id,),
            )
            if not rows:
                return None
            found = self._known[access_key_id] = _credentials(rows[0])
        return found

    def issue_temporary(self, account_id: str, principal_arn: str, lifetime: timedelta) -> Credentials:
        """Temporary credentials, for a session of a role or of a user (AWS STS); long expired ones are forgotten.

        A day after their end AWS too no longer says that they are expired: then nobody knows them.
        """
        now = self._now()
        issued = new_credentials(account_id, principal_arn, now + lifetime)
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM access_key WHERE expires_at < ?", ((now - timedelta(days=1)).isoformat(),)
            )
            _insert(connection, issued)
        self._known = {
            key: known
            for key, known in self._known.items()
            if known.expires_at is None or known.expires_at > now
        }
        return issued

    def issue_to_user(self, account_id: str, principal_arn: str, access_key_id: str) -> Credentials:
        """Credentials that do not expire, under a key that another has made up (AWS IAM: CreateAccessKey)."""
        issued = replace(new_credentials(account_id, principal_arn), access_key_id=access_key_id)
        with self._database.transaction() as connection:
            _insert(connection, issued)
        return issued

    def revoke(self, account_id: str, access_key_id: str) -> None:
        """Take a user's key back; an account's own stays."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM access_key WHERE account_id = ? AND access_key_id = ? AND NOT access_key_id GLOB ?",
                (account_id, access_key_id, f"{LAB_KEY_PREFIX}*"),
            )
        self._known.pop(access_key_id, None)

    def _create(self, account: Account, how: str) -> None:
        """``INSERT OR IGNORE`` where another process may make the same account at this moment."""
        with self._database.transaction() as connection:
            made = connection.execute(
                f"{how} INTO account (id, name) VALUES (?, ?)",
                (account.id, account.name),
            )
            if made.rowcount:
                _insert(connection, new_credentials(account.id, user_arn(account.id)))


@contextmanager
def accounts_in(data_dir: Path, default_id: str) -> Iterator[Accounts]:
    """The accounts of an engine's data directory, whether the engine runs or not, for whoever may read its files."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(data_dir / "engine.db")
    try:
        yield Accounts(database, default_id)
    finally:
        database.close()


def _insert(connection: sqlite3.Connection, issued: Credentials) -> None:
    connection.execute(
        f"INSERT INTO access_key ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            issued.access_key_id,
            issued.secret_access_key,
            issued.account_id,
            issued.principal_arn,
            issued.session_token,
            issued.expires_at.isoformat() if issued.expires_at else None,
        ),
    )


def _credentials(row: sqlite3.Row) -> Credentials:
    key_id, secret, account_id, principal_arn, token, expires_at = row
    ends = datetime.fromisoformat(expires_at) if expires_at else None
    return Credentials(key_id, secret, account_id, principal_arn, token, ends)
