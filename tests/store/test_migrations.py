"""A data directory of an earlier version goes on with the present one."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from agentcore_lab.store.db import Database, DatabaseTooNew


def earlier(path: Path) -> None:
    """A file as version 1 left it, with one runtime."""
    connection = sqlite3.connect(path)
    connection.executescript(files("agentcore_lab.store").joinpath("schema.sql").read_text())
    moment = "2026-01-01T00:00:00+00:00"
    connection.execute(
        "INSERT INTO runtime VALUES ('hello-0123456789', '123456789012', 'us-west-2', 'hello', 'READY', NULL, 1, ?, ?)",
        (moment, moment),
    )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its runtimes stay, get the workload identity their ARN names, and opening again changes nothing."""
    path = tmp_path / "engine.db"
    earlier(path)
    for _ in range(2):
        database = Database(path)
        (runtime,) = database.query("SELECT id, status FROM runtime")
        assert tuple(runtime) == ("hello-0123456789", "READY")
        (identity,) = database.query("SELECT account_id, region, name, runtime_id FROM workload_identity")
        assert tuple(identity) == ("123456789012", "us-west-2", "hello-0123456789", "hello-0123456789")
        for table in (
            "tag",
            "resource_policy",
            "client_token",
            "session_storage",
            "credential_provider",
            "vault_secret",
        ):
            assert database.query(f"SELECT * FROM {table}") == []
        (version,) = database.query("PRAGMA user_version")
        assert tuple(version) == (6,)
        database.close()


def test_a_file_from_the_future_is_left_alone(tmp_path: Path) -> None:
    """An older agentcore-lab says so instead of guessing."""
    path = tmp_path / "engine.db"
    Database(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseTooNew, match="newer agentcore-lab"):
        Database(path)
