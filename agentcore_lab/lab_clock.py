"""The engine's clock, from a notebook."""

from __future__ import annotations

from datetime import datetime, timedelta

from agentcore_lab.discovery import RunningEngine


class LabClock:
    """The clock of a running engine: time-outs and lifetimes of sessions go by it.

    Agents inside containers keep real time: nothing an agent does is hurried by setting the engine's clock ahead.
    """

    def __init__(self, engine: RunningEngine) -> None:
        self._engine = engine

    def now(self) -> datetime:
        """What the engine's clock shows, in UTC."""
        return datetime.fromisoformat(self._engine.fetch("clock")["now"])

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Set the engine's clock ahead and return what it shows then; what is due by then happens at once.

        Raises:
            LabRefused: the clock only goes forward, and not by more than a year.
        """
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        answer = self._engine.send("clock", {"advanceSeconds": by.total_seconds()})
        return datetime.fromisoformat(answer["now"])

    def __repr__(self) -> str:
        return f"LabClock({self.now():%Y-%m-%d %H:%M:%S} UTC; agents keep real time)"
