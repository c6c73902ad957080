"""The engine's clock, from a notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentcore_lab.looks.card import card, facts
from agentcore_lab.own_api import Api, EngineGone

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True, slots=True, repr=False)
class Advanced:
    """The engine's clock after it was set ahead ``by`` some time: what it showed, in UTC."""

    by: timedelta
    now: datetime

    def __repr__(self) -> str:
        # Not what it shows: an executed notebook compares equal to the next run.
        return f"Advanced(by {self.by})"

    def __str__(self) -> str:
        return f"{self.by} later: {self.now:%Y-%m-%d %H:%M:%S} UTC"


class LabClock:
    """The clock of a running engine: time-outs and lifetimes of sessions go by it.

    Agents inside containers keep real time: nothing an agent does is hurried by setting the engine's clock ahead.
    """

    def __init__(self, engine: Api) -> None:
        self._engine = engine

    def now(self) -> datetime:
        """What the engine's clock shows, in UTC."""
        return datetime.fromisoformat(self._engine.fetch("clock")["now"])

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> Advanced:
        """Set the engine's clock ahead; what is due by then happens at once.

        Raises:
            LabRefused: the clock only goes forward, and not by more than a year; all accounts share it, and the
                default one alone may set it.
        """
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        answer = self._engine.send("clock", {"advanceSeconds": by.total_seconds()})
        return Advanced(by, datetime.fromisoformat(answer["now"]))

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's clock, and so of agents."""
        return timedelta(seconds=round(self._engine.fetch("clock")["aheadSeconds"]))

    def __repr__(self) -> str:
        # Not what it shows: an executed notebook compares equal to the next run.
        return f"LabClock({self._relation()})"

    def _repr_html_(self) -> str:
        try:
            shows = f"{self.now():%Y-%m-%d %H:%M:%S} UTC"
        except EngineGone:
            shows = "nothing"
        return card("Clock", "of the engine", facts([("Shows", shows), ("It is", self._relation())]))

    def _relation(self) -> str:
        try:
            ahead = self.ahead
        except EngineGone:
            return "the engine does not answer"
        return f"{ahead} ahead of the machine; agents keep real time" if ahead else "the time of the machine"


def duration(text: str) -> timedelta:
    """What ``1h30m`` and the like say. Raises ValueError for what says nothing."""
    found = _DURATION.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is no duration: write 90s, 15m, 8h, 2d or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(days, seconds, hours=hours, minutes=minutes)
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None
