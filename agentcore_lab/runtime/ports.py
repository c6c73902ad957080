"""Ports of a session besides its agent's: those callers may reach, and the one of the warm-up hook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def allowed_ports(spec: Mapping[str, Any]) -> tuple[range, ...]:
    """What a version's session endpoints reach (AWS: runtime-session-endpoints, allowedPorts)."""
    return tuple(_span(each) for each in spec.get("allowedPorts") or ())


def reachable_ports(spec: Mapping[str, Any]) -> tuple[range, ...]:
    """What a version's sandboxes have to open besides the agent's own port."""
    port = (warm_up_of(spec) or {}).get("port")
    return allowed_ports(spec) if port is None else (*allowed_ports(spec), range(port, port + 1))


def warm_up_of(spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The POST a version's hooksConfiguration asks for; None if there is none."""
    build = (spec.get("hooksConfiguration") or {}).get("build") or {}
    action = (build.get("warmup") or {}).get("action") or {}
    post: Mapping[str, Any] | None = action.get("httpPost")
    return post


def _span(each: Mapping[str, Any]) -> range:
    if "port" in each:
        return range(each["port"], each["port"] + 1)
    return range(each["portRange"]["from"], each["portRange"]["to"] + 1)
