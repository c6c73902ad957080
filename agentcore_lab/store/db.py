"""The SQLite file: opening it, migrating it, writing to it in one transaction at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from agentcore_lab.plain_error import PlainError

_MIGRATIONS = ("schema.sql", "schema-2.sql", "schema-3.sql", "schema-4.sql", "schema-5.sql", "schema-6.sql")


class DatabaseTooNew(PlainError):  # noqa: N818 - a state, named as one
    """The file was written by a newer agentcore-lab."""


class Database:
    """One connection to the engine's file. Calls are short and local, so they run on the event loop's thread."""

    def __init__(self, path: Path) -> None:
        # It holds secrets; SQLite gives the files beside it the same mode.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._migrate(path)

    def _migrate(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            self._connection.close()
            raise DatabaseTooNew(
                f"{path} was written by a newer agentcore-lab; update, or use another --data-dir"
            )
        for number, name in enumerate(_MIGRATIONS[version:], start=version + 1):
            script = files("agentcore_lab.store").joinpath(name).read_text()
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;"
            )

    @property
    def writes(self) -> int:
        """A number that grows with every row written; while it stands still what was read is still so."""
        return self._connection.total_changes

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a SELECT."""
        return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: everything in the block, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; its write-ahead log is folded in."""
        self._connection.close()
