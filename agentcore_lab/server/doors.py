"""Where an engine takes connections: its own port, the agents' on the lab's network, and 443 there for AWS's names."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from agentcore_lab.neighbours.catalogue import OFFERED, OWN
from agentcore_lab.runtime.boot import Inside
from agentcore_lab.sandbox.base import Doorway, Secure
from agentcore_lab.server.connections import Runner
from agentcore_lab.server.listening import listen_inside, take_no_more
from agentcore_lab.server.one_port import OnePort
from agentcore_lab.settings import Settings
from agentcore_lab.tls.authority import open_authority
from agentcore_lab.tls.names import names_in
from agentcore_lab.tls.serving import server_context
from agentcore_lab.tls.trust import client_variables, write_bundle

log = logging.getLogger(__name__)

HTTPS = 443
_AGAIN_SECONDS = 2.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Doors:
    """One engine's sockets and what is needed to speak TLS on them; ``inside`` is what sandboxes are told."""

    outer: socket.socket
    inner: socket.socket | None
    gateway: str | None
    tls: ssl.SSLContext | None
    mixed: bool
    drain: float
    inside: Inside

    @classmethod
    def of(
        cls, settings: Settings, doorway: Doorway, outer: socket.socket, now: datetime, drain: float
    ) -> Doors:
        """The sockets, listening to nobody yet; the authority is made if the data directory has none.

        Running requests have ``drain`` seconds to end when the doors close. ``now`` is real time: clients check
        certificates by it.
        """
        inner = listen_inside(doorway, outer)
        port = (inner or outer).getsockname()[1]
        url = f"http://{doorway.name}:{port}"
        variables = settings.client_environment(url)
        secure, tls = None, None
        if settings.tls or doorway.listen_on is not None:
            authority = open_authority(settings.tls_dir, now)
            tls = server_context(authority, now)
            if settings.tls:
                write_bundle(settings.tls_dir, authority.pem)
            if doorway.listen_on is not None:
                names = names_in(settings.region, settings.account_id, {*OWN, *OFFERED})
                secure = Secure(tuple(names), authority.pem)
            elif doorway.name == _LOOPBACK:
                # No names of their own, but this machine's loopback: the way of programs outside.
                variables |= client_variables(url, settings.region, settings.tls_dir)
        return cls(outer, inner, doorway.listen_on, tls, settings.tls, drain, Inside(variables, secure))

    async def open(self, serving: AsyncExitStack, outside: web.Application, inside: web.Application) -> None:
        """Serve programs of the machine ``outside`` and agents ``inside``, until ``serving`` ends."""
        runner = await self._runner(serving, outside)
        if self.mixed:
            await serving.enter_async_context(self._one_port(runner, elsewhere=True).on(self.outer))
        else:
            await _serve_on(serving, runner, self.outer)
        if self.inner is not None:
            await _serve_on(serving, await self._runner(serving, inside), self.inner)
        if self.gateway is not None:
            agents = self._one_port(await self._runner(serving, inside), elsewhere=False)
            await _open_https(serving, agents, self.gateway)

    def _one_port(self, runner: web.AppRunner, *, elsewhere: bool) -> OnePort:
        assert runner.server is not None, "it has been set up"
        assert self.tls is not None, "there are certificates for whoever needs them"
        return OnePort(runner.server, self.tls, elsewhere)

    async def _runner(self, serving: AsyncExitStack, application: web.Application) -> web.AppRunner:
        runner = Runner(application, self.drain)
        await runner.setup()
        serving.push_async_callback(runner.cleanup)
        return runner


async def _serve_on(serving: AsyncExitStack, runner: web.AppRunner, listener: socket.socket) -> None:
    await web.SockSite(runner, listener).start()
    serving.push_async_callback(take_no_more, listener)


async def _open_https(serving: AsyncExitStack, agents: OnePort, gateway: str) -> None:
    """Serve AWS's names to agents; where another engine of this machine does, as soon as it has ended."""
    try:
        listener = _bound(gateway)
    except OSError as error:
        log.warning(_why_not(error, gateway))
        if error.errno == errno.EADDRINUSE:
            waiting = asyncio.create_task(_once_free(serving, agents, gateway))
            serving.callback(waiting.cancel)
    else:
        await serving.enter_async_context(agents.on(listener))


async def _once_free(serving: AsyncExitStack, agents: OnePort, gateway: str) -> None:
    while True:
        await asyncio.sleep(_AGAIN_SECONDS)
        with suppress(OSError):
            await serving.enter_async_context(agents.on(_bound(gateway)))
            log.info("AWS's own names lead agents to this engine from now on")
            return


def _bound(gateway: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((gateway, HTTPS))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _why_not(error: OSError, gateway: str) -> str:
    """What agents miss, why, and what would mend it."""
    if error.errno == errno.EADDRINUSE:
        why = "another engine or program has it; this engine takes it once it is free"
    elif error.errno in {errno.EACCES, errno.EPERM}:
        why = "this user may not; `sysctl net.ipv4.ip_unprivileged_port_start=443` would let it"
    else:
        why = str(error.strerror or error)
    return (
        f"port {HTTPS} of {gateway} cannot be listened on ({why}). Agents reach the engine by the variables they are "
        "given as ever, but not under AWS's own host names"
    )
