"""The Sessions panel: one row a session, what it does now, what happens next, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Call
from agentcore_lab.panels.feed import Wish
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.views import RuntimeName, architecture_name, short_id
from agentcore_lab.panels.world import Change, World

_MIB = 1024 * 1024


class SessionsPanel(LivePanel):
    """Every session of a runtime, or of all: state, version, age, countdown, use, health checks, stop."""

    _esm = module("sessions.js")
    _css = stylesheet("lab.css", "live.css", "sessions.css")

    sessions: Any = traitlets.List().tag(sync=True)

    def wish(self) -> Wish:
        """Use of sandboxes, while a page shows the panel."""
        return Wish(usage=self.viewed)

    def state(self) -> dict[str, Any]:
        """Every row."""
        return {"sessions": [row(self.world, each) for each in self.world.of_runtime(self._runtime_id)]}

    def words(self, change: Change) -> dict[str, Any]:
        """Rows that changed; of the others the last health check and use alone."""
        mine = {each["sandboxId"] for each in self.world.of_runtime(self._runtime_id)}
        rows = [row(self.world, self.world.sessions[key]) for key in change.sessions & mine]
        pings = {key: ping_mark(ping) for key, ping in change.pings.items() if key in mine}
        use = {key: use_of(self.world, key) for key in change.usage if key in mine}
        found = {"sessions": rows, "pings": pings, "use": use}
        return {name: value for name, value in found.items() if value}

    def matters(self, change: Change) -> bool:
        """Health checks and use are not worth a whole state."""
        return bool(change.sessions)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """Stop a session."""
        session = self.world.sessions.get(str(message.get("id")))
        if message.get("type") != "stop" or session is None:
            return None
        return Call(
            "data",
            "stop_runtime_session",
            {
                "agentRuntimeArn": session["agentRuntimeArn"],
                "runtimeSessionId": session["sessionId"],
                "qualifier": session["endpoint"],
            },
            done=f"Session {short_id(session['sessionId'])} was stopped.",
        )

    @property
    def _runtime_id(self) -> str | None:
        return self._name.id if self._name else None

    def __str__(self) -> str:
        rows = self.state()["sessions"]
        lines = [
            f"{each['short']:<14}{each['state']:<14}{each['runtime']:<20}version {each['version']} ({each['endpoint']})"
            + (f"  {each['reason']}: {each['detail']}" if each["reason"] else "")
            for each in rows
        ]
        return "\n".join(lines) or "No sessions"


def row(world: World, session: Mapping[str, Any]) -> dict[str, Any]:
    """A session as the browser receives it; durations in seconds, memory in MiB."""
    key = session["sandboxId"]
    return {
        "id": key,
        "session_id": session["sessionId"],
        "short": short_id(session["sessionId"]),
        "runtime": RuntimeName.parse(session["agentRuntimeArn"]).name,
        "state": session["state"],
        "version": session["agentRuntimeVersion"],
        "endpoint": session["endpoint"],
        "created": session["createdAt"],
        "active": session["lastActivityAt"],
        "ended": session["endedAt"],
        "ends": session["endsAt"],
        "because": session["endsBecause"],
        "idle_seconds": session["idleTimeoutSeconds"],
        "in_flight": session["inFlight"],
        "health": session["health"],
        "warnings": session["diagnostics"],
        "reason": session["reason"],
        "detail": session["detail"],
        "where": f"{session['sandbox']} · {architecture_name(session['architecture'])}",
        "pings": [ping_mark(ping) for ping in world.pings.get(key, ())],
        "use": use_of(world, key),
    }


def ping_mark(ping: Mapping[str, Any]) -> list[Any]:
    """A health check in few bytes: when, its word, milliseconds, what was wrong."""
    return [ping["at"], ping["status"], ping["milliseconds"], ping["problem"]]


def use_of(world: World, sandbox: str) -> dict[str, Any] | None:
    """Percent of a processor and MiB, the latest last; None where nobody has looked."""
    uses = world.usage.get(sandbox)
    if not uses:
        return None
    limit = uses[-1]["memoryLimitBytes"]
    return {
        "cpu": world.load(sandbox),
        "memory": [round(each["memoryBytes"] / _MIB, 1) for each in uses],
        "limit": round(limit / _MIB) if limit else None,
    }
