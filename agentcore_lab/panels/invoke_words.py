"""What the Invoke panel says of sessions and of what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentcore_lab.panels.answer import SHOWN_CHARACTERS
from agentcore_lab.panels.question import Question
from agentcore_lab.panels.views import architecture_name, short_id
from agentcore_lab.panels.world import World


def busy(session: Mapping[str, Any]) -> bool:
    """Whether it starts or answers."""
    return bool(session["state"] == "Provisioning" or session["inFlight"])


def asked(question: Question) -> str:
    """What was asked, as the panel repeats it; a file that is the payload is all of it."""
    file = question.file
    if file is None:
        return question.prompt[:SHOWN_CHARACTERS]
    return file.name if file.whole else f"{question.prompt[:SHOWN_CHARACTERS]} + {file.name}"


def rows(world: World, runtime_id: str) -> list[dict[str, Any]]:
    """The sessions of a runtime, each id once: its living incarnation, or the one that ended last."""
    latest: dict[str, Mapping[str, Any]] = {}
    for session in world.of_runtime(runtime_id):
        latest.setdefault(session["sessionId"], session)
    return [_row(session) for session in latest.values()]


def _row(session: Mapping[str, Any]) -> dict[str, Any]:
    """A session as the browser receives it."""
    idle = session["state"] == "Idle" and session["endsBecause"] == "idle"
    return {
        "id": session["sessionId"],
        "short": short_id(session["sessionId"]),
        "state": session["state"],
        "version": session["agentRuntimeVersion"],
        "endpoint": session["endpoint"],
        "ends": session["endsAt"] if idle else None,
        "idle_seconds": session["idleTimeoutSeconds"],
        "reason": session["reason"],
        "architecture": architecture_name(session["architecture"]),
        "sandbox": session["sandbox"],
    }
