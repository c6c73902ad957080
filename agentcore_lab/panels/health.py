"""The Health and clock panel: what agents say of themselves, what happens next, and time that can be hurried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Advance
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.sessions import ping_mark
from agentcore_lab.panels.views import RuntimeName, short_duration, short_id
from agentcore_lab.panels.world import Change, World

_MAX_SECONDS = 366 * 24 * 3600


class HealthPanel(LivePanel):
    """Health checks of living sessions as a time line, the engine's clock, and what is due when."""

    _esm = module("health.js")
    _css = stylesheet("lab.css", "live.css", "health.css")

    sessions: Any = traitlets.List().tag(sync=True)

    def state(self) -> dict[str, Any]:
        """Every living session."""
        return {"sessions": [_row(self.world, each) for each in self._living()]}

    def words(self, change: Change) -> dict[str, Any]:
        """All living sessions where one changed, which are few; else the last health checks alone."""
        mine = {each["sandboxId"] for each in self._all()}
        found: dict[str, Any] = {}
        if change.sessions & mine:
            found["sessions"] = self.state()["sessions"]
        if pings := {key: ping_mark(ping) for key, ping in change.pings.items() if key in mine}:
            found["pings"] = pings
        return found

    def matters(self, change: Change) -> bool:
        """What is due when changes with sessions and with the clock."""
        return bool(change.sessions) or change.clock

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """Set the clock ahead."""
        match message:
            case {"type": "advance", "seconds": int() | float() as seconds} if 0 < seconds <= _MAX_SECONDS:
                return Advance(
                    seconds, done=f"The engine's clock was set ahead by {short_duration(seconds)}."
                )
        return None

    def _all(self) -> list[dict[str, Any]]:
        return self.world.of_runtime(self._name.id if self._name else None)

    def _living(self) -> list[dict[str, Any]]:
        return [each for each in self._all() if each["state"] != "Terminated"]

    def __str__(self) -> str:
        lines = [
            f"{each['short']:<14}{each['state']:<14}{each['health'] or 'not asked yet':<14}{each['warnings'] or ''}"
            for each in self.state()["sessions"]
        ]
        return "\n".join(line.rstrip() for line in lines) or "No living sessions"


def _row(world: World, session: Mapping[str, Any]) -> dict[str, Any]:
    key = session["sandboxId"]
    return {
        "id": key,
        "short": short_id(session["sessionId"]),
        "session_id": session["sessionId"],
        "runtime": RuntimeName.parse(session["agentRuntimeArn"]).name,
        "state": session["state"],
        "created": session["createdAt"],
        "active": session["lastActivityAt"],
        "ends": session["endsAt"],
        "because": session["endsBecause"],
        "idle_seconds": session["idleTimeoutSeconds"],
        "lifetime_seconds": session["maxLifetimeSeconds"],
        "ping_seconds": session["pingSeconds"],
        "failures": session["failedPings"],
        "health": session["health"],
        "warnings": " ".join(session["diagnostics"]),
        "pings": [ping_mark(ping) for ping in world.pings.get(key, ())],
    }
