"""Which account and region a runtime is of, for what knows only its id."""

from __future__ import annotations

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.store.db import Database


class Scopes:
    """Answers from the store, and remembers: a runtime never moves, and no id is given twice."""

    def __init__(self, database: Database) -> None:
        self._database = database
        rows = database.query("SELECT id, account_id, region FROM runtime")
        self._known = {row["id"]: Scope(row["account_id"], row["region"]) for row in rows}

    def of(self, runtime_id: str) -> Scope:
        """The runtime's; also once it is deleted, if it was asked for before. Raises LookupError for others."""
        if runtime_id not in self._known:
            rows = self._database.query("SELECT account_id, region FROM runtime WHERE id = ?", (runtime_id,))
            if not rows:
                raise LookupError(f"no runtime {runtime_id}")
            self._known[runtime_id] = Scope(*rows[0])
        return self._known[runtime_id]
