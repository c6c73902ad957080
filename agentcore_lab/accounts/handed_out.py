"""Credentials for the clients of a running engine, from its data directory: who may read that may have them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import boto3

from agentcore_lab.accounts.accounts import AccountError, Accounts, accounts_in
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.settings import Settings, lab_key_in_environment


class Engine(Protocol):
    """A running engine: where it answers, and whose accounts are in which directory."""

    @property
    def url(self) -> str:
        """Where it answers."""
        ...

    @property
    def region(self) -> str:
        """The region it plays."""
        ...

    @property
    def account_id(self) -> str:
        """Its default account."""
        ...

    @property
    def data_dir(self) -> str:
        """Where its accounts are."""
        ...


def credentials_for(engine: Engine, account: str | None = None) -> Credentials:
    """The credentials of an account by name or id, the engine's default one without.

    Raises:
        AccountError: there is no such account, or the engine's data directory is not this user's to read.
    """
    with _accounts_of(engine) as accounts:
        return accounts.credentials(accounts.find(account or engine.account_id).id)


def credentials_of_caller(engine: Engine, account: str | None = None) -> Credentials:
    """An account's, as ``credentials_for`` finds them; of none in particular those that boto3 would take up here.

    These are the environment's, where the engine has issued them, and else the default account's. Who may not read
    the data directory has the environment's alone.

    Raises:
        AccountError: there is no such account, or nothing to sign with.
    """
    brought = lab_key_in_environment()
    if account is not None or brought is None:
        return credentials_for(engine, account)
    key, secret, token = brought
    try:
        with _accounts_of(engine) as accounts:
            known = accounts.of_key(key)
            of_engine = known is not None and known.secret_access_key == secret
            return known if known and of_engine else accounts.credentials(engine.account_id)
    except AccountError:
        return Credentials(key, secret, account_id="", principal_arn="", session_token=token)


@contextmanager
def _accounts_of(engine: Engine) -> Iterator[Accounts]:
    try:
        with accounts_in(Path(engine.data_dir), engine.account_id) as accounts:
            yield accounts
    except (OSError, sqlite3.OperationalError) as error:
        raise AccountError(
            f"The credentials in {engine.data_dir} cannot be read ({error}). Ask whoever started the engine for the "
            "output of `agentcore-lab env`."
        ) from error


def client_environment(engine: Engine, account: str | None = None) -> dict[str, str]:
    """All variables that point any AWS client at the engine: endpoints, region, credentials. Raises AccountError."""
    credentials = credentials_for(engine, account)
    settings = replace(Settings.load(), region=engine.region, account_id=engine.account_id)
    return {**settings.client_environment(engine.url), **credentials.environment()}


def client_session(engine: Engine, account: str | None = None, region: str | None = None) -> Any:
    """A boto3 session with an account's credentials. Raises AccountError."""
    return session_of(credentials_for(engine, account), region or engine.region)


def session_of(issued: Credentials, region: str) -> Any:
    """A boto3 session with these credentials."""
    return boto3.Session(
        aws_access_key_id=issued.access_key_id,
        aws_secret_access_key=issued.secret_access_key,
        aws_session_token=issued.session_token,
        region_name=region,
    )
