"""An engine of somebody else's, who has on his machine what it needs."""

from __future__ import annotations

from agentcore_lab.discovery import engine_at
from agentcore_lab.doctor.checks import Check, Finding, nothing


def engine(url: str) -> Check:
    """Whether one answers where AGENTCORE_LAB_URL leads."""
    found = engine_at(url)

    def look() -> Finding:
        if found is None:
            return Finding(False, f"none answers at {url}", "ask whoever runs it, or unset AGENTCORE_LAB_URL")
        return Finding(
            True, f"{url}, with the {found.sandbox} sandbox, is run for you: it builds and starts agents"
        )

    serves = {"process"} if found is not None and found.sandbox == "process" else {"process", "docker"}
    return Check("Engine", look, nothing, frozenset(serves))
