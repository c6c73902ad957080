"""What is remembered of the store is never older than the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentcore_lab.store.db import Database
from agentcore_lab.store.remembered import Remembered


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An open store with a table of one row."""
    database = Database(tmp_path / "engine.db")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE number (value INTEGER)")
        connection.execute("INSERT INTO number VALUES (1)")
    yield database
    database.close()


def test_a_value_is_read_once_until_something_is_written(database: Database) -> None:
    """And anew after any write, whatever it was to."""
    remembered: Remembered[int] = Remembered(database)
    reads: list[int] = []

    def read() -> int:
        reads.append(database.query("SELECT value FROM number")[0]["value"])
        return reads[-1]

    assert [remembered.get("key", read) for _ in range(3)] == [1, 1, 1]
    assert reads == [1]
    with database.transaction() as connection:
        connection.execute("UPDATE number SET value = 2")
    assert remembered.get("key", read) == 2
    with database.transaction() as connection:
        connection.execute("DELETE FROM number")
    with pytest.raises(IndexError):
        remembered.get("key", read)


def test_a_refusal_is_not_remembered(database: Database) -> None:
    """What was not there may be there next time without a write of ours."""
    remembered: Remembered[int] = Remembered(database)
    with pytest.raises(ZeroDivisionError):
        remembered.get("key", lambda: 1 // 0)
    assert remembered.get("key", lambda: 5) == 5


def test_memory_has_an_end(database: Database) -> None:
    """However many keys are asked for."""
    remembered: Remembered[int] = Remembered(database)
    for key in range(5000):
        assert remembered.get(key, lambda key=key: key) == key  # type: ignore[misc]
    reads: list[int] = []
    for key in range(5000):
        remembered.get(key, lambda key=key: reads.append(key) or key)  # type: ignore[misc,func-returns-value]
    assert len(reads) > 3000
