"""The ways to an agent, put together: invocations, cards, commands, WebSockets and shells."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiohttp import web

from agentcore_lab.identity.runtime_tokens import RuntimeTokens
from agentcore_lab.identity.tokens import JwtTokens
from agentcore_lab.runtime.authorization import Gate
from agentcore_lab.runtime.commands import Commands
from agentcore_lab.runtime.inbound import METADATA, Inbound
from agentcore_lab.runtime.invoke import Invoker
from agentcore_lab.runtime.resources import Attachments
from agentcore_lab.runtime.shells import Shells
from agentcore_lab.runtime.time_limit import TimeLimits
from agentcore_lab.runtime.upstream import Upstream
from agentcore_lab.server.app import Streaming
from agentcore_lab.server.by_hand import Handler, Routes
from agentcore_lab.server.commands import CommandHandler
from agentcore_lab.server.data import DataHandler, NotAllowed
from agentcore_lab.server.ground import Ground
from agentcore_lab.server.protected_resource import ProtectedResource
from agentcore_lab.server.runtime_service import RuntimeService
from agentcore_lab.server.session_sockets import SessionSockets
from agentcore_lab.server.shells import ShellHandler
from agentcore_lab.server.traces import Traced, TracedByHand, Traces, traced
from agentcore_lab.server.websocket import PATH, WebSocketHandler


@dataclass(frozen=True, slots=True)
class DataPlane:
    """``operations``: what it answers, by AWS's names; ``routes``: what no model has; ``gate``: who may call."""

    operations: dict[str, Streaming]
    routes: Routes
    gate: Gate
    limits: TimeLimits
    sockets: SessionSockets
    shells: ShellHandler

    def end_with(self, application: web.Application) -> None:
        """Close what stays open for long when the application shuts down."""
        application.on_shutdown.append(self.sockets.close)
        application.on_shutdown.append(self.shells.close)


def open_data_plane(
    stack: AsyncExitStack,
    on: Ground,
    runtimes: RuntimeService,
    attachments: Attachments,
    traces: Traces,
    mint: RuntimeTokens,
    of_users: JwtTokens,
) -> DataPlane:
    """The data plane of these runtimes; ``mint`` makes tokens for agents, ``of_users`` verifies those of callers."""
    sessions = runtimes.sessions
    limits = TimeLimits(on.clock)
    limits.open()
    stack.push_async_callback(limits.close)
    upstream = Upstream(on.client, on.backend, sessions, limits)
    invoker = Invoker(runtimes.repository, sessions, upstream, on.backend.name, on.url, mint)
    inbound = Inbound(invoker.plan, on.url, of_users)
    gate = Gate(attachments, on.clock, inbound)
    shells = Shells(invoker.plan, sessions, on.backend)
    stack.push_async_callback(shells.close)
    sockets = SessionSockets(sessions, upstream, on.clock)
    shell_handler = ShellHandler(shells, gate, on.clock)
    web_sockets = WebSocketHandler(invoker.plan, sessions, upstream, sockets, gate, mint)
    by_hand: dict[tuple[str, str], Handler] = {
        ("GET", "/invocations"): NotAllowed(),
        ("DELETE", "/invocations"): NotAllowed(),
        ("GET", METADATA): ProtectedResource(inbound),
        ("GET", PATH): TracedByHand(web_sockets, traces, "InvokeAgentRuntimeWithWebSocketStream"),
        ("GET", "/ws/shells"): TracedByHand(shell_handler, traces, "InvokeAgentRuntimeCommandShell"),
    }
    commands = Commands(invoker.plan, sessions, on.backend, on.clock)
    operations: dict[str, Streaming] = {
        "InvokeAgentRuntime": DataHandler(invoker, on.throttle, gate, traced(invoker.invoke)),
        "GetAgentCard": DataHandler(invoker, on.throttle, gate, traced(invoker.agent_card)),
        "InvokeAgentRuntimeCommand": CommandHandler(commands, on.throttle, gate),
    }
    return DataPlane(
        operations={name: Traced(handler, traces) for name, handler in operations.items()},
        routes=Routes(by_hand, frozenset({METADATA})),
        gate=gate,
        limits=limits,
        sockets=sockets,
        shells=shell_handler,
    )
