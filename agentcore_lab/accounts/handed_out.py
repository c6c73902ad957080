"""Credentials for the clients of a running engine, from its data directory: who may read that may have them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from agentcore_lab.accounts.accounts import AccountError, accounts_in
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings


def credentials_for(engine: RunningEngine, account: str | None = None) -> Credentials:
    """The credentials of an account by name or id, the engine's default one without.

    Raises:
        AccountError: there is no such account, or the engine's data directory is not this user's to read.
    """
    try:
        with accounts_in(Path(engine.data_dir), engine.account_id) as accounts:
            return accounts.credentials(accounts.find(account or engine.account_id).id)
    except (OSError, sqlite3.OperationalError) as error:
        raise AccountError(
            f"The credentials in {engine.data_dir} cannot be read ({error}). Ask whoever started the engine for the "
            "output of `agentcore-lab env`."
        ) from error


def client_environment(engine: RunningEngine, account: str | None = None) -> dict[str, str]:
    """All variables that point any AWS client at the engine: endpoints, region, credentials. Raises AccountError."""
    credentials = credentials_for(engine, account)
    settings = replace(Settings.load(), region=engine.region, account_id=engine.account_id)
    return {**settings.client_environment(engine.url), **credentials.environment()}


def client_session(engine: RunningEngine, account: str | None = None, region: str | None = None) -> Any:
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
