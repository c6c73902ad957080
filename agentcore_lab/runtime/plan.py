"""What a session is made from, what a call holds of one, and the rules all live under: values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentcore_lab.runtime.lifecycle import lifecycle_of
from agentcore_lab.runtime.limits import (
    MAX_ACTIVE_SESSIONS,
    PING_SECONDS,
    STOP_GRACE_SECONDS,
    UNHEALTHY_AFTER,
)
from agentcore_lab.runtime.ports import allowed_ports
from agentcore_lab.runtime.protocols import Protocol
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.versions import AgentRuntime, Version
from agentcore_lab.sandbox.base import Image


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new session starts from: the version its endpoint serves at that moment."""

    runtime: AgentRuntime
    version: Version
    image: Image
    endpoint: str


@dataclass(frozen=True, slots=True)
class Lease:
    """One call's hold on a session. ``started_in`` is in seconds, None when the session was already warm."""

    session: Session
    version: Version
    address: str
    protocol: Protocol
    started_in: float | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What all sessions of an engine live under; durations in seconds of the engine's clock or, ``grace``, real.

    ``unhealthy_after`` health checks that fail in succession end a session. ``max_sessions`` of an account may live.
    """

    ping_seconds: float = PING_SECONDS
    unhealthy_after: int = UNHEALTHY_AFTER
    max_sessions: int = MAX_ACTIVE_SESSIONS
    grace: float = STOP_GRACE_SECONDS


def new_session(session_id: str, plan: Plan, rules: Rules, now: datetime) -> Session:
    """The session of a new incarnation of ``session_id``."""
    times = lifecycle_of(plan.version.spec)
    return Session(
        scope=plan.runtime.scope,
        runtime_id=plan.runtime.id,
        session_id=session_id,
        incarnation=secrets.token_hex(8),
        version=plan.version.number,
        endpoint=plan.endpoint,
        architecture=plan.image.architecture,
        created_at=now,
        idle_timeout=times.idle_timeout,
        max_lifetime=times.max_lifetime,
        last_activity_at=now,
        ping_every=timedelta(seconds=rules.ping_seconds),
        unhealthy_after=rules.unhealthy_after,
        token=secrets.token_hex(16),
        ports=allowed_ports(plan.version.spec),
    )
