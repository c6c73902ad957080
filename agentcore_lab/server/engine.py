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
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.identity.documents import HttpDocuments
from agentcore_lab.identity.jwks import Issuers
from agentcore_lab.identity.outbound import open_outbound
from agentcore_lab.identity.own_services import OwnServices
from agentcore_lab.identity.tokens import JwtTokens
from agentcore_lab.idp import FOLDER as IDP_FOLDER
from agentcore_lab.idp.child import ProviderProcess
from agentcore_lab.images.build import Builder
from agentcore_lab.images.choose import builder_for
from agentcore_lab.model.choice import open_models
from agentcore_lab.model.scripts import ScriptsOfAccounts
from agentcore_lab.neighbours.process import MotoProcess
from agentcore_lab.runtime.boot import Inside
from agentcore_lab.runtime.events import EventsOfAccounts
from agentcore_lab.runtime.idempotency import IDEMPOTENT, ClientTokens
from agentcore_lab.runtime.limits import (
    IDLE_CONNECTION_SECONDS,
)
from agentcore_lab.runtime.quotas import quotas_from
from agentcore_lab.runtime.resource_operations import ResourceOperations
from agentcore_lab.runtime.resources import Attachments
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.throttle import Throttle
from agentcore_lab.sandbox.base import Backend
from agentcore_lab.server.access_keys import AccessKeys
from agentcore_lab.server.answered_here import AnsweredHere
from agentcore_lab.server.app import Front
from agentcore_lab.server.consent_pages import ConsentPages
from agentcore_lab.server.data_plane import open_data_plane
from agentcore_lab.server.door import Door
from agentcore_lab.server.endpoint_guard import EndpointGuard
from agentcore_lab.server.events import EventStream
from agentcore_lab.server.ground import Ground
from agentcore_lab.server.hosts import only_as
from agentcore_lab.server.idp import IdpRoutes
from agentcore_lab.server.lab_api import LabApi
from agentcore_lab.server.lab_door import LabDoor
from agentcore_lab.server.model import ModelHandler
from agentcore_lab.server.model_scripts import ModelScripts
from agentcore_lab.server.neighbours import Neighbours
from agentcore_lab.server.packaging import Packaging, own_packaging
from agentcore_lab.server.runtime_service import open_runtimes
from agentcore_lab.server.session_endpoint import SessionEndpoints
from agentcore_lab.server.sts import SecurityTokens
from agentcore_lab.server.told import Teller, Words
from agentcore_lab.server.traces import Traces
from agentcore_lab.settings import Settings
from agentcore_lab.store.db import Database

log = logging.getLogger(__name__)


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
        client = await stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS),
                trust_env=False,
            )
        )
        accounts = Accounts(database, settings.account_id)
        packaging = packaging or own_packaging(settings, backend, about.url, accounts)
        throttle = Throttle(clock, quotas)
        ground = Ground(
            settings, backend, clock, database, client, accounts, scopes, quotas, throttle, about.url
        )
        runtimes = await open_runtimes(stack, ground, teller, packaging, inside)
        tokens = ClientTokens(database, clock)
        attachments = Attachments(database, runtimes.repository)
        of_users = JwtTokens(Issuers(HttpDocuments(client), clock), clock)
        external = OwnServices(
            about.url, settings.region, lambda account_id: accounts.credentials(account_id).environment()
        )
        outbound = open_outbound(
            database, settings.data_dir, clock, quotas, client, about.url, of_users, external
        )
        operations = {
            **runtimes.operations,
            **ResourceOperations(attachments, outbound.identities, outbound.providers).table(),
            **outbound.operations,
        }
        operations |= {name: tokens.once(name, operations[name]) for name in IDEMPOTENT}
        calls = open_data_plane(
            stack, ground, runtimes, attachments, Traces(events, clock), outbound.mint, of_users
        )
        # At an address that leads here from this machine and from the sandboxes: tokens name their issuer.
        idp = ProviderProcess(settings.data_dir / IDP_FOLDER, backend.doorway.listen_on or "127.0.0.1")
        stack.push_async_callback(idp.close)
        if settings.idp:
            log.info("identity provider: %s", await idp.start())
        scripts = ScriptsOfAccounts()
        door = Door(accounts, settings.region, settings.data_dir, calls.limits, verifies=settings.sigv4)
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
                **calls.operations,
                **ModelHandler(open_models(settings, scripts, client, clock)).table(),
            },
            calls.routes,
            calls.gate,
            Neighbours(
                moto,
                door,
                AnsweredHere(SecurityTokens(accounts), BuildOperations(builds, clients).table()),
                AccessKeys(accounts),
            ),
        )
        status = {**asdict(about), "model": settings.model}
        lab_door = LabDoor(door, settings.account_id)
        words = Words(runtimes.repository, about.sandbox)
        stream = EventStream(lab_door, events, words, runtimes.sessions, clock, status)
        applications = Applications(
            front.application(
                LabApi(lab_door, runtimes.sessions, runtimes.storage, clock, status, stream),
                ModelScripts(lab_door, scripts),
                IdpRoutes(lab_door, idp),
                ConsentPages(outbound.flow),
            ),
            front.application(),
        )
        hosts = only_as([settings.host, backend.doorway.name, *settings.hosts])
        for application in (applications.outside, applications.inside):
            calls.end_with(application)
            application.middlewares.append(hosts)
        session_endpoints = SessionEndpoints(
            EndpointGuard(door, calls.gate, scopes), runtimes.sessions, backend, client, calls.sockets
        )
        applications.outside.middlewares.append(session_endpoints.middleware())
        yield applications
