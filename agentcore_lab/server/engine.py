"""Everything one engine is made of, opened and closed together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass

import aiohttp
from aiohttp import web

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.clock import Clock
from agentcore_lab.codebuild.builds import Builds
from agentcore_lab.codebuild.clients import EngineClients
from agentcore_lab.codebuild.operations import BuildOperations
from agentcore_lab.codezip.objects import Objects, S3Objects
from agentcore_lab.codezip.pinned import PinnedPackages
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.identity.documents import HttpDocuments
from agentcore_lab.identity.jwks import Issuers
from agentcore_lab.identity.outbound import open_outbound
from agentcore_lab.identity.own_services import OwnServices
from agentcore_lab.identity.tokens import JwtTokens
from agentcore_lab.idp import FOLDER as IDP_FOLDER
from agentcore_lab.idp.child import ProviderProcess
from agentcore_lab.images.build import Builder
from agentcore_lab.images.choose import builder_for, code_builder_for
from agentcore_lab.images.code_builder import CodeBuilder
from agentcore_lab.model.choice import open_models
from agentcore_lab.model.scripts import ScriptsOfAccounts
from agentcore_lab.neighbours.process import MotoProcess
from agentcore_lab.runtime.artifact import Artifacts
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.boot import Boot, Inside
from agentcore_lab.runtime.code_artifacts import CodeArtifacts
from agentcore_lab.runtime.commands import Commands
from agentcore_lab.runtime.control import ControlPlane
from agentcore_lab.runtime.endpoint_control import EndpointControl
from agentcore_lab.runtime.endpoint_operations import EndpointOperations
from agentcore_lab.runtime.environment import agent_environment
from agentcore_lab.runtime.events import EventsOfAccounts
from agentcore_lab.runtime.idempotency import IDEMPOTENT, ClientTokens
from agentcore_lab.runtime.inbound import METADATA, Inbound
from agentcore_lab.runtime.invoke import Invoker
from agentcore_lab.runtime.limits import (
    IDLE_CONNECTION_SECONDS,
    PING_SECONDS,
    UNHEALTHY_AFTER,
    max_active_sessions,
)
from agentcore_lab.runtime.operations import RuntimeOperations
from agentcore_lab.runtime.plan import Rules
from agentcore_lab.runtime.proof import Proofs
from agentcore_lab.runtime.quotas import quotas_from
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.resource_operations import ResourceOperations
from agentcore_lab.runtime.resources import Attachments
from agentcore_lab.runtime.role import VARIABLES, RoleSessions
from agentcore_lab.runtime.sandboxes import clear_leftovers
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.shells import Shells
from agentcore_lab.runtime.storage import SessionStorage
from agentcore_lab.runtime.throttle import Throttle
from agentcore_lab.runtime.time_limit import TimeLimits
from agentcore_lab.runtime.transitions import Transitions
from agentcore_lab.runtime.upstream import Upstream
from agentcore_lab.sandbox.base import Backend
from agentcore_lab.server.access_keys import AccessKeys
from agentcore_lab.server.answered_here import AnsweredHere
from agentcore_lab.server.app import Front
from agentcore_lab.server.by_hand import Handler, Routes
from agentcore_lab.server.commands import CommandHandler
from agentcore_lab.server.consent_pages import ConsentPages
from agentcore_lab.server.data import DataHandler, NotAllowed
from agentcore_lab.server.door import Door
from agentcore_lab.server.endpoint_guard import EndpointGuard
from agentcore_lab.server.events import EventStream
from agentcore_lab.server.hosts import only_as
from agentcore_lab.server.idp import IdpRoutes
from agentcore_lab.server.lab_api import LabApi
from agentcore_lab.server.lab_door import LabDoor
from agentcore_lab.server.model import ModelHandler
from agentcore_lab.server.model_scripts import ModelScripts
from agentcore_lab.server.neighbours import Neighbours
from agentcore_lab.server.protected_resource import ProtectedResource
from agentcore_lab.server.session_endpoint import SessionEndpoints
from agentcore_lab.server.session_sockets import SessionSockets
from agentcore_lab.server.shells import ShellHandler
from agentcore_lab.server.sts import SecurityTokens
from agentcore_lab.server.told import Teller, Words
from agentcore_lab.server.traces import Traced, TracedByHand, Traces, traced
from agentcore_lab.server.websocket import PATH, WebSocketHandler
from agentcore_lab.settings import Settings
from agentcore_lab.store.db import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Packaging:
    """Where the zips of code artifacts are fetched, and what makes images of them."""

    objects: Objects
    builder: CodeBuilder


def own_packaging(settings: Settings, backend: Backend, url: str, accounts: Accounts) -> Packaging:
    """The S3 of the engine at ``url``, read with the accounts' own credentials, and the builder of its backend."""
    objects = S3Objects(
        url, settings.region, lambda account_id: accounts.credentials(account_id).environment()
    )
    return Packaging(objects, code_builder_for(backend.name, settings))


@dataclass(frozen=True, slots=True)
class Applications:
    """What an engine serves: to programs of its machine everything, to the agents inside sandboxes AWS's API alone."""

    outside: web.Application
    inside: web.Application


@asynccontextmanager
async def open_engine(
    settings: Settings,
    backend: Backend,
    clock: Clock,
    about: RunningEngine,
    inside: Inside,
    packaging: Packaging | None = None,
    builder: Builder | None = None,
) -> AsyncIterator[Applications]:
    """Applications ready to serve; on the way out every session ends and the store is closed.

    ``inside`` is how agents reach the second of them; ``packaging`` what code artifacts are made with, if not with the
    engine's own S3 and for its own backend; ``builder`` makes CodeBuild's images, if not the one of its backend.

    Raises:
        UnknownModel, UnknownQuota: the settings name a model or a quota that does not exist.
        IdpDidNotStart: the settings ask for the identity provider, which did not start.
    """
    quotas = quotas_from(settings.quotas)
    async with AsyncExitStack() as stack:
        database = Database(settings.data_dir / "engine.db")
        stack.callback(database.close)
        events = EventsOfAccounts()
        scopes = Scopes(database)
        teller = Teller(events, scopes)
        repository = RuntimeRepository(database, teller.runtime)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS),
                trust_env=False,
            )
        )
        accounts = Accounts(database, settings.account_id)
        to_engine = {**inside.variables, **VARIABLES}
        packaging = packaging or own_packaging(settings, backend, about.url, accounts)
        pinned = PinnedPackages(settings.data_dir / "code", packaging.objects)
        code = CodeArtifacts(backend, pinned, packaging.builder)
        await code.open(repository.all_versions())
        stack.push_async_callback(code.close)
        boot = Boot(
            backend,
            client,
            lambda version: agent_environment(version, scopes.of(version.runtime_id), to_engine, about.url),
            files=RoleSessions(accounts, scopes).files,
            image_of=code.image,
            secure=inside.secure,
        )
        storage = SessionStorage(database, backend, clock)
        throttle = Throttle(clock, quotas)
        sessions = Sessions(boot, clock, storage, throttle, _rules(settings), teller.session)
        if removed := await clear_leftovers(backend):
            log.warning("removed %d sandboxes that an earlier engine left behind", removed)
        await storage.open()
        stack.push_async_callback(storage.close)
        sessions.open()
        stack.push_async_callback(sessions.close)
        proofs = Proofs(boot)
        transitions = Transitions(fast=settings.fast_lifecycle)
        stack.push_async_callback(transitions.close)
        stack.push_async_callback(proofs.abandon)
        artifacts = Artifacts(backend, code, repository)
        await artifacts.open()
        control = ControlPlane(repository, artifacts, clock, proofs, transitions, sessions.end_all, quotas)
        endpoints = EndpointControl(repository, clock, proofs, transitions, quotas)
        control.resume()
        endpoints.resume()
        tokens = ClientTokens(database, clock)
        attachments = Attachments(database, repository)
        of_users = JwtTokens(Issuers(HttpDocuments(client), clock), clock)
        external = OwnServices(
            about.url, settings.region, lambda account_id: accounts.credentials(account_id).environment()
        )
        outbound = open_outbound(
            database, settings.data_dir, clock, quotas, client, about.url, of_users, external
        )
        operations = {
            **RuntimeOperations(repository, control, sessions).table(),
            **EndpointOperations(repository, endpoints).table(),
            **ResourceOperations(attachments, outbound.identities, outbound.providers).table(),
            **outbound.operations,
        }
        operations |= {name: tokens.once(name, operations[name]) for name in IDEMPOTENT}
        limits = TimeLimits(clock)
        limits.open()
        stack.push_async_callback(limits.close)
        upstream = Upstream(client, backend, sessions, limits)
        invoker = Invoker(repository, sessions, upstream, backend.name, about.url, outbound.mint)
        inbound = Inbound(invoker.plan, about.url, of_users)
        gate = Gate(attachments, clock, inbound)
        shells = Shells(invoker.plan, sessions, backend)
        stack.push_async_callback(shells.close)
        sockets = SessionSockets(sessions, upstream, clock)
        by_hand: dict[tuple[str, str], Handler] = {
            (method, "/invocations"): NotAllowed() for method in ("GET", "DELETE")
        }
        by_hand["GET", METADATA] = ProtectedResource(inbound)
        traces = Traces(events, clock)
        by_hand["GET", PATH] = TracedByHand(
            WebSocketHandler(invoker.plan, sessions, upstream, sockets, gate, outbound.mint),
            traces,
            "InvokeAgentRuntimeWithWebSocketStream",
        )
        shell_handler = ShellHandler(shells, gate, clock)
        by_hand["GET", "/ws/shells"] = TracedByHand(shell_handler, traces, "InvokeAgentRuntimeCommandShell")
        # At an address that leads here from this machine and from the sandboxes: tokens name their issuer.
        idp = ProviderProcess(settings.data_dir / IDP_FOLDER, backend.doorway.listen_on or "127.0.0.1")
        stack.push_async_callback(idp.close)
        if settings.idp:
            log.info("identity provider: %s", await idp.start())
        scripts = ScriptsOfAccounts()
        door = Door(accounts, settings.region, settings.data_dir, limits, verifies=settings.sigv4)
        moto = MotoProcess(settings.data_dir)
        stack.push_async_callback(moto.close)
        clients = EngineClients(about.url, accounts)
        builds = Builds(settings.data_dir, clock, builder or builder_for(backend.name, settings), clients)
        builds.open()
        stack.push_async_callback(builds.close)
        front = Front(
            door,
            throttle,
            operations,
            {
                "InvokeAgentRuntime": Traced(
                    DataHandler(invoker, throttle, gate, traced(invoker.invoke)), traces
                ),
                "GetAgentCard": Traced(
                    DataHandler(invoker, throttle, gate, traced(invoker.agent_card)), traces
                ),
                "InvokeAgentRuntimeCommand": Traced(
                    CommandHandler(Commands(invoker.plan, sessions, backend, clock), throttle, gate),
                    traces,
                ),
                **ModelHandler(open_models(settings, scripts, client, clock)).table(),
            },
            Routes(by_hand, frozenset({METADATA})),
            gate,
            Neighbours(
                moto,
                door,
                AnsweredHere(SecurityTokens(accounts), BuildOperations(builds, clients).table()),
                AccessKeys(accounts),
            ),
        )
        status = {**asdict(about), "model": settings.model}
        lab_door = LabDoor(door, settings.account_id)
        words = Words(repository, about.sandbox)
        stream = EventStream(lab_door, events, words, sessions, clock, status)
        applications = Applications(
            front.application(
                LabApi(lab_door, sessions, storage, clock, status, stream),
                ModelScripts(lab_door, scripts),
                IdpRoutes(lab_door, idp),
                ConsentPages(outbound.flow),
            ),
            front.application(),
        )
        for application in (applications.outside, applications.inside):
            application.on_shutdown.append(sockets.close)
            application.on_shutdown.append(shell_handler.close)
        hosts = only_as([settings.host, backend.doorway.name, *settings.hosts])
        for application in (applications.outside, applications.inside):
            application.middlewares.append(hosts)
        session_endpoints = SessionEndpoints(
            EndpointGuard(door, gate, scopes), sessions, backend, client, sockets
        )
        applications.outside.middlewares.append(session_endpoints.middleware())
        yield applications


def _rules(settings: Settings) -> Rules:
    return Rules(
        ping_seconds=settings.ping_seconds or PING_SECONDS,
        unhealthy_after=settings.unhealthy_after or UNHEALTHY_AFTER,
        max_sessions=settings.max_sessions or max_active_sessions(settings.region),
    )
