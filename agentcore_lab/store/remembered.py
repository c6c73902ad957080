"""What has been read from the store, kept until something is written to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from agentcore_lab.store.db import Database

_MOST = 1000

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values made from what the store holds. Any write empties it: what it answers is never older than the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: dict[Hashable, V] = {}
        self._writes = database.writes

    def get(self, key: Hashable, read: Callable[[], V]) -> V:
        """What ``read`` answered last time for this key, or answers now; what it raises is not kept."""
        if self._writes != self._database.writes or len(self._values) >= _MOST:
            self._values.clear()
            self._writes = self._database.writes
        if key not in self._values:
            self._values[key] = read()
        return self._values[key]
