"""What an engine has told so far, as values a panel can show; pure, so that every change can be tested."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

PINGS_KEPT = 30
USES_KEPT = 30
INVOCATIONS_KEPT = 100
LINES_KEPT = 500
_ENDED_KEPT = 100


@dataclass(slots=True)
class Change:
    """What is new: ids of sandboxes and runtimes, invocations, lines of logs; ``all`` when everything may be."""

    all: bool = False
    connection: bool = False
    clock: bool = False
    sessions: set[str] = field(default_factory=set)
    pings: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    runtimes: set[str] = field(default_factory=set)
    invocations: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """Sessions by sandbox id, runtimes by id, the latest invocations last, and the engine's clock.

    ``now`` is what that showed at ``heard``, in seconds of a stopwatch. ``pings`` and ``usage`` hold the latest last.
    ``logs`` holds lines by sandbox id.
    """

    engine: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    heard: float = 0.0
    ahead: float = 0.0
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    runtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pings: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    usage: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    invocations: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=INVOCATIONS_KEPT))
    logs: dict[str, deque[str]] = field(default_factory=dict)

    def time(self, stopwatch: float) -> datetime | None:
        """What the engine's clock shows by now; None before it was heard of."""
        return None if self.now is None else self.now + timedelta(seconds=max(0.0, stopwatch - self.heard))

    def apply(self, kind: str, data: Any, change: Change, heard: float) -> None:
        """Take in one event of the stream and note in ``change`` what is new."""
        match kind:
            case "snapshot":
                self._snapshot(data, heard)
                change.all = True
            case "ping" | "clock":
                self._hear(data["now"], heard)
                self._passing(kind, data, change)
            case "usage":
                for sandbox, use in data.items():
                    self.usage.setdefault(sandbox, deque(maxlen=USES_KEPT)).append({**use, "heard": heard})
                change.usage.update(data)
            case _:
                self._thing(kind, data, change)

    def _passing(self, kind: str, data: Any, change: Change) -> None:
        if kind == "clock":
            self.ahead = data["aheadSeconds"]
            change.clock = True
            return
        for sandbox, ping in data["pings"].items():
            if sandbox in self.sessions:
                self._ping(sandbox, ping)
                change.pings[sandbox] = ping

    def _thing(self, kind: str, data: Any, change: Change) -> None:
        match kind:
            case "session":
                self._session(data)
                change.sessions.add(data["sandboxId"])
            case "runtime":
                self._runtime(data)
                change.runtimes.add(data["id"])
            case "invocation":
                self._invocation(data)
                change.invocations.append(data)
            case "log":
                self._log(data)
                change.logs.append(data)

    def of_runtime(self, runtime_id: str | None) -> list[dict[str, Any]]:
        """Sessions of a runtime, or all: the living by age, then the ended, latest first."""
        mine = [
            each
            for each in self.sessions.values()
            if runtime_id is None or each["agentRuntimeArn"].endswith(f"/{runtime_id}")
        ]
        living = [each for each in mine if each["state"] != "Terminated"]
        ended = [each for each in mine if each["state"] == "Terminated"]
        living.sort(key=lambda each: each["createdAt"])
        ended.sort(key=lambda each: each["endedAt"], reverse=True)
        return [*living, *ended]

    def load(self, sandbox: str) -> list[float | None]:
        """Percent of one processor between each two looks, None where it cannot be told."""
        uses = list(self.usage.get(sandbox, ()))
        return [
            round(100 * max(0.0, after["cpuSeconds"] - before["cpuSeconds"]) / span, 1) if span > 0 else None
            for before, after in pairwise(uses)
            for span in [after["heard"] - before["heard"]]
        ]

    def _snapshot(self, data: Mapping[str, Any], heard: float) -> None:
        if self.engine.get("instance") != data["engine"]["instance"]:
            self.invocations.clear()
            self.usage.clear()
            self.logs.clear()
        self.engine = data["engine"]
        self._hear(data["now"], heard)
        self.ahead = data["aheadSeconds"]
        self.sessions = {each["sandboxId"]: dict(each) for each in data["sessions"]}
        self.pings = {
            sandbox: deque(session.pop("pings"), maxlen=PINGS_KEPT)
            for sandbox, session in self.sessions.items()
        }
        self.runtimes = {each["id"]: each for each in data["runtimes"]}

    def _session(self, data: dict[str, Any]) -> None:
        self.sessions[data["sandboxId"]] = data
        if data["state"] != "Terminated":
            return
        ended = [each for each in self.sessions.values() if each["state"] == "Terminated"]
        for old in sorted(ended, key=lambda each: str(each["endedAt"]))[:-_ENDED_KEPT]:
            for kept in (self.sessions, self.pings, self.usage, self.logs):
                kept.pop(old["sandboxId"], None)

    def _ping(self, sandbox: str, ping: dict[str, Any]) -> None:
        history = self.pings.setdefault(sandbox, deque(maxlen=PINGS_KEPT))
        if not history or history[-1]["at"] < ping["at"]:
            history.append(ping)

    def _invocation(self, data: dict[str, Any]) -> None:
        """One that stays open is told of twice."""
        for place, known in enumerate(self.invocations):
            if known["id"] == data["id"]:
                self.invocations[place] = data
                return
        self.invocations.append(data)

    def _runtime(self, data: dict[str, Any]) -> None:
        if data.get("deleted"):
            self.runtimes.pop(data["id"], None)
        else:
            self.runtimes[data["id"]] = data

    def _log(self, data: Mapping[str, Any]) -> None:
        lines = self.logs.setdefault(data["sandboxId"], deque(maxlen=LINES_KEPT))
        if data.get("afresh"):
            lines.clear()
        lines.extend(data["lines"])

    def _hear(self, now: str, heard: float) -> None:
        self.now, self.heard = datetime.fromisoformat(now), heard
