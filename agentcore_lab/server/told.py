"""What the engine tells its event stream: which changes of a session are worth a word, and the words themselves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from agentcore_lab.errors import AwsError
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.events import Event, EventsOfAccounts
from agentcore_lab.runtime.health import Ping
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.session import Session, deadline
from agentcore_lab.runtime.versions import Version
from agentcore_lab.server.session_json import described, listed

_VERSIONS_TOLD = 50
"""The newest versions of a runtime; older ones are in ListAgentRuntimeVersions."""

_ALL = 10**9


class Teller:
    """Turns what changes into events; costs a comparison while nobody follows."""

    def __init__(self, events: EventsOfAccounts, scopes: Scopes) -> None:
        self._events = events
        self._scopes = scopes

    def session(self, before: Session | None, after: Session) -> None:
        """A session has gone one step."""
        account_id = after.scope.account_id
        if not self._events.followed(account_id):
            return
        if before is None or _notable(before) != _notable(after):
            self._events.tell(account_id, "session", after.incarnation, after)
        if before is not None and after.health.history[-1:] != before.health.history[-1:]:
            self._events.tell(account_id, "ping", after.incarnation, after.health.history[-1])

    def runtime(self, runtime_id: str) -> None:
        """Something of a runtime was written: itself, a version, an endpoint."""
        scope = self._scopes.of(runtime_id)
        self._events.tell(scope.account_id, "runtime", runtime_id, scope)


class Words:
    """Events and sessions as JSON values; moments are of the engine's clock."""

    def __init__(self, repository: RuntimeRepository, sandbox: str) -> None:
        self._repository = repository
        self._sandbox = sandbox

    def event(self, event: Event, now: datetime) -> Any:
        """What one event says."""
        match event.kind:
            case "session":
                return self.session(event.value, now)
            case "runtime":
                return self.runtime(event.value, event.key)
            case _:
                return event.value

    def session(self, session: Session, now: datetime) -> dict[str, Any]:
        """A session as the lists of the lab's API show it, and what its countdown counts."""
        about = described(session)
        del about["pings"]
        return {**listed(session, now), **about, "sandbox": self._sandbox}

    def runtimes(self, scope: Scope) -> list[dict[str, Any]]:
        """Every runtime of an account."""
        return [self.runtime(scope, each.id) for each in self._repository.page(scope, "", _ALL)]

    def runtime(self, scope: Scope, runtime_id: str) -> dict[str, Any]:
        """A runtime with its endpoints and newest versions; only its id and ``deleted`` once it is gone."""
        try:
            runtime = self._repository.get(scope, runtime_id)
        except AwsError:
            return {"id": runtime_id, "deleted": True}
        versions = self._repository.versions(runtime_id, _ALL, _VERSIONS_TOLD)
        endpoints = self._repository.endpoints(runtime_id)
        return {
            "id": runtime.id,
            "arn": runtime.arn,
            "name": runtime.name,
            "status": runtime.status,
            "failureReason": runtime.failure_reason,
            "latestVersion": str(runtime.latest_version),
            "createdAt": runtime.created_at.isoformat(),
            "lastUpdatedAt": runtime.last_updated_at.isoformat(),
            "versions": [_version(version) for version in versions],
            "endpoints": [
                {
                    "name": endpoint.name,
                    "status": endpoint.status,
                    "liveVersion": _number(endpoint.live_version),
                    "targetVersion": _number(endpoint.target_version),
                    "description": endpoint.description,
                    "failureReason": endpoint.failure_reason,
                    "lastUpdatedAt": endpoint.last_updated_at.isoformat(),
                }
                for endpoint in endpoints
            ],
        }


def ping_json(ping: Ping) -> dict[str, Any]:
    """One health check."""
    return {**asdict(ping), "at": ping.at.isoformat()}


def _version(version: Version) -> dict[str, Any]:
    """A version without its configuration, which may hold what is not for a saved notebook."""
    return {
        "version": str(version.number),
        "status": version.status,
        "createdAt": version.created_at.isoformat(),
        "failureReason": version.failure_reason,
        "protocol": protocol_of(version.spec).name,
        "image": version.image.uri if version.image else None,
        "digest": version.image.digest if version.image else None,
        "language": version.spec["agentRuntimeArtifact"].get("codeConfiguration", {}).get("runtime"),
        "description": version.spec.get("description"),
    }


def _number(version: int | None) -> str | None:
    return None if version is None else str(version)


def _notable(session: Session) -> tuple[Any, ...]:
    return (
        session.state,
        session.in_flight,
        session.busy,
        session.health.status,
        session.health.failures,
        session.health.diagnostics,
        session.reason,
        deadline(session),
    )
