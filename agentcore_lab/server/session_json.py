"""A session as the lab's own API tells it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from agentcore_lab.runtime.session import Session, deadline
from agentcore_lab.runtime.session_endpoint import browser_urls, session_endpoint_url
from agentcore_lab.runtime.storage import Stored
from agentcore_lab.sandbox.base import Usage


def listed(session: Session, now: datetime) -> dict[str, Any]:
    """What a list shows; moments are of the engine's clock, which shows ``now``."""
    due = deadline(session)
    return {
        "sessionId": session.session_id,
        "agentRuntimeArn": session.runtime_arn,
        "agentRuntimeVersion": str(session.version),
        "endpoint": session.endpoint,
        "state": session.state,
        "architecture": session.architecture,
        "createdAt": session.created_at.isoformat(),
        "ageSeconds": ((session.ended_at or now) - session.created_at).total_seconds(),
        "lastActivityAt": session.last_activity_at.isoformat(),
        "inFlight": session.in_flight,
        "endsAt": due[0].isoformat() if due else None,
        "endsBecause": due[1] if due else None,
        "health": session.health.status,
        "diagnostics": list(session.health.diagnostics),
        "reason": session.reason,
        "detail": session.detail,
        "exitCode": session.exit_code,
        "endedAt": session.ended_at.isoformat() if session.ended_at else None,
        "sandboxId": session.incarnation,
    }


def described(session: Session) -> dict[str, Any]:
    """What only the description of one session adds."""
    return {
        "idleTimeoutSeconds": session.idle_timeout.total_seconds(),
        "maxLifetimeSeconds": session.max_lifetime.total_seconds(),
        "pingSeconds": session.ping_every.total_seconds(),
        "failedPings": session.health.failures,
        "pings": [{**asdict(ping), "at": ping.at.isoformat()} for ping in session.health.history],
    }


def endpoint_json(base: str, session: Session) -> dict[str, Any]:
    """Where a living session's allowed ports are reached; ``base`` is the engine's URL."""
    return {
        "allowedPorts": [{"from": span.start, "to": span.stop - 1} for span in session.ports],
        "sessionEndpointUrl": session_endpoint_url(base, session) if session.alive else None,
        "browserUrls": browser_urls(base, session) if session.alive else [],
    }


def storage_json(stored: Stored) -> dict[str, Any]:
    """Bytes (None where that cannot be told), and when they are deleted if nobody calls the session before."""
    return {
        "mountPath": stored.mount_path,
        "bytes": stored.size,
        "limitBytes": stored.limit,
        "keptUntil": stored.kept_until.isoformat(),
    }


def usage_json(usage: Usage | None) -> dict[str, Any] | None:
    """Processor time in seconds since the start, memory in bytes; None where it cannot be told."""
    if usage is None:
        return None
    return {
        "cpuSeconds": usage.cpu_seconds,
        "memoryBytes": usage.memory_bytes,
        "memoryLimitBytes": usage.memory_limit,
    }
