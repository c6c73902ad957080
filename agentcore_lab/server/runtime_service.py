"""Runtimes, versions, endpoints and sessions of one engine, put together."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass

from agentcore_lab.codezip.pinned import PinnedPackages
from agentcore_lab.runtime.artifact import Artifacts
from agentcore_lab.runtime.boot import Boot, Inside
from agentcore_lab.runtime.code_artifacts import CodeArtifacts
from agentcore_lab.runtime.control import ControlPlane
from agentcore_lab.runtime.endpoint_control import EndpointControl
from agentcore_lab.runtime.endpoint_operations import EndpointOperations
from agentcore_lab.runtime.environment import agent_environment
from agentcore_lab.runtime.limits import PING_SECONDS, UNHEALTHY_AFTER, max_active_sessions
from agentcore_lab.runtime.operations import Operation, RuntimeOperations
from agentcore_lab.runtime.plan import Rules
from agentcore_lab.runtime.proof import Proofs
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.role import VARIABLES, RoleSessions
from agentcore_lab.runtime.sandboxes import clear_leftovers
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.runtime.transitions import Transitions
from agentcore_lab.server.ground import Ground
from agentcore_lab.server.packaging import Packaging
from agentcore_lab.server.told import Teller
from agentcore_lab.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuntimeService:
    """``operations``: what it answers, by AWS's names."""

    repository: RuntimeRepository
    sessions: Sessions
    storage: SessionStorage
    operations: dict[str, Operation]


async def open_runtimes(
    stack: AsyncExitStack, on: Ground, teller: Teller, packaging: Packaging, inside: Inside
) -> RuntimeService:
    """The service, with what an earlier engine left cleared away or taken up; ``stack`` ends its sessions."""
    repository = RuntimeRepository(on.database, teller.runtime)
    code = CodeArtifacts(
        on.backend, PinnedPackages(on.settings.data_dir / "code", packaging.objects), packaging.builder
    )
    await code.open(repository.all_versions())
    stack.push_async_callback(code.close)
    to_engine = {**inside.variables, **VARIABLES}
    boot = Boot(
        on.backend,
        on.client,
        lambda version: agent_environment(version, on.scopes.of(version.runtime_id), to_engine, on.url),
        files=RoleSessions(on.accounts, on.scopes).files,
        image_of=code.image,
        secure=inside.secure,
    )
    storage = SessionStorage(on.database, on.backend, on.clock)
    sessions = Sessions(boot, on.clock, storage, on.throttle, _rules(on.settings), teller.session)
    if removed := await clear_leftovers(on.backend):
        log.warning("removed %d sandboxes that an earlier engine left behind", removed)
    await storage.open()
    stack.push_async_callback(storage.close)
    sessions.open()
    stack.push_async_callback(sessions.close)
    proofs = Proofs(boot)
    transitions = Transitions(fast=on.settings.fast_lifecycle)
    stack.push_async_callback(transitions.close)
    stack.push_async_callback(proofs.abandon)
    artifacts = Artifacts(on.backend, code, repository)
    await artifacts.open()
    control = ControlPlane(repository, artifacts, on.clock, proofs, transitions, sessions.end_all, on.quotas)
    endpoints = EndpointControl(repository, on.clock, proofs, transitions, on.quotas)
    control.resume()
    endpoints.resume()
    operations = {
        **RuntimeOperations(repository, control, sessions).table(),
        **EndpointOperations(repository, endpoints).table(),
    }
    return RuntimeService(repository, sessions, storage, operations)


def _rules(settings: Settings) -> Rules:
    return Rules(
        ping_seconds=settings.ping_seconds or PING_SECONDS,
        unhealthy_after=settings.unhealthy_after or UNHEALTHY_AFTER,
        max_sessions=settings.max_sessions or max_active_sessions(settings.region),
    )
