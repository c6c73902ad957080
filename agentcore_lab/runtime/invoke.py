"""One invocation: find the version, hold the session, send the bytes, hand the answer back as it comes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agentcore_lab.errors import AwsError, RetryableConflictException, RuntimeClientError
from agentcore_lab.runtime.affinity import Belongs, McpNames, McpSessionNotFound
from agentcore_lab.runtime.arn import Scope, not_found, runtime_id_in
from agentcore_lab.runtime.endpoints import endpoint_not_found
from agentcore_lab.runtime.headers import (
    FROM_CONTAINER,
    MCP_SESSION_ID,
    McpRequestUnacceptable,
    accepts_mcp,
    to_container,
)
from agentcore_lab.runtime.inbound import TokenUser
from agentcore_lab.runtime.jsonrpc import PEEK_BYTES, RpcHead, head_of
from agentcore_lab.runtime.payload import Payload
from agentcore_lab.runtime.plan import Lease, Plan
from agentcore_lab.runtime.protocols import Protocol, protocol_of
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.session_endpoint import session_endpoint_url
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.upstream import ContainerRefused, Reply, Upstream
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT, Status
from agentcore_lab.runtime.workload_token import Minting, with_token
from agentcore_lab.store.remembered import Remembered
from agentcore_lab.wire.header_text import readable

AGENT_CARD = "/.well-known/agent-card.json"


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks: the modelled members, the raw headers and the payload; ``user`` is whom its token names."""

    params: Mapping[str, Any]
    headers: Mapping[str, str]
    payload: Payload
    request_id: str
    user: TokenUser | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The container's answer: its status, AWS's output members, the lab's own facts, and the body still to be read.

    ``whole`` is all of a short body that came at once; ``body`` has the same bytes.
    """

    status: int
    members: dict[str, Any]
    facts: Mapping[str, str]
    body: AsyncIterator[bytes]
    whole: bytes | None


class Invoker:
    """Answers InvokeAgentRuntime and GetAgentCard.

    ``sandbox`` is what the lab's facts call the sandboxes, ``url`` where the engine's clients find it. ``mint`` makes
    the token by which an agent acts for a call's user.
    """

    def __init__(
        self,
        repository: RuntimeRepository,
        sessions: Sessions,
        upstream: Upstream,
        sandbox: str,
        url: str,
        mint: Minting,
    ) -> None:
        self._repository = repository
        self._sessions = sessions
        self._upstream = upstream
        self._sandbox = sandbox
        self._url = url
        self._mint = mint
        self._mcp = McpNames(sessions.has_ended)
        self._plans: Remembered[Plan] = Remembered(repository.database)

    @asynccontextmanager
    async def invoke(self, scope: Scope, call: Call) -> AsyncIterator[Answer]:
        """The agent's answer to one call; the session counts as active until the context ends.

        Raises:
            ResourceNotFoundException: unknown runtime or qualifier.
            AccessDeniedException: a token of the calling agent that is not valid.
            RuntimeClientError: the container did not start, answered 4xx or 5xx, or broke off.
            GatewayTimeoutException: it took longer than AWS waits.
            McpRequestUnacceptable, McpSessionNotFound: what only MCP clients are told.
        """
        plan = self.plan(scope, call.params)
        protocol = protocol_of(plan.version.spec)
        belongs = await self._belongs(plan.runtime.id, protocol, call)
        token = self._mint(scope, plan.runtime.id, call.params, call.headers, call.user)
        async with self._sessions.use(
            plan.runtime.id, belongs.session_id, lambda: self.plan(scope, call.params)
        ) as lease:
            sending = self._upstream.request(
                lease, "POST", lease.protocol.path, _headers(call, lease, belongs, token), call.payload.sent()
            )
            try:
                async with sending as reply:
                    yield self._answer(reply, lease, belongs, call)
            except ContainerRefused as refusal:
                # The MCP specification's way to say that the server does not know this session any more.
                if protocol.name == "MCP" and refusal.status == 404 and "mcpSessionId" in call.params:
                    raise McpSessionNotFound(refusal.message) from refusal
                raise

    @asynccontextmanager
    async def agent_card(self, scope: Scope, call: Call) -> AsyncIterator[Answer]:
        """The card an A2A agent describes itself with; starts a session like any other call.

        Raises:
            As ``invoke`` does.
        """
        plan = self.plan(scope, call.params)
        belongs = Belongs(call.params.get("runtimeSessionId") or str(uuid.uuid4()))
        token = self._mint(scope, plan.runtime.id, call.params, call.headers, call.user)
        async with (
            self._sessions.use(
                plan.runtime.id, belongs.session_id, lambda: self.plan(scope, call.params)
            ) as lease,
            self._upstream.request(lease, "GET", AGENT_CARD, _headers(call, lease, belongs, token)) as reply,
        ):
            members = {"runtimeSessionId": belongs.session_id}
            facts = _facts(lease, self._sandbox, reply)
            yield Answer(reply.status, members, facts, reply.body, reply.whole)

    def protocol(self, scope: Scope, params: Mapping[str, Any]) -> Protocol | None:
        """The protocol its callers speak; None where there is nothing to call."""
        try:
            return protocol_of(self.plan(scope, params).version.spec)
        except AwsError:
            pass
        try:
            runtime = self._repository.get(
                scope, runtime_id_in(params["agentRuntimeArn"], params.get("accountId"), scope)
            )
        except AwsError:
            return None
        version = self._repository.version(runtime.id, runtime.latest_version)
        return protocol_of(version.spec) if version is not None else None

    def plan(self, scope: Scope, params: Mapping[str, Any]) -> Plan:
        """What a new session of this call would start from.

        Raises:
            ResourceNotFoundException: unknown runtime or qualifier.
            RetryableConflictException: the endpoint is still being created.
            RuntimeClientError: no version of the endpoint has ever proved healthy.
        """
        runtime_id = runtime_id_in(params["agentRuntimeArn"], params.get("accountId"), scope)
        qualifier = params.get("qualifier") or DEFAULT_ENDPOINT
        key = scope, runtime_id, qualifier
        return self._plans.get(key, lambda: self._read_plan(*key))

    def _read_plan(self, scope: Scope, runtime_id: str, qualifier: str) -> Plan:
        runtime = self._repository.get(scope, runtime_id)
        if runtime.status is Status.DELETING:
            raise not_found(runtime_id)
        endpoint = self._repository.endpoint(runtime_id, qualifier)
        if endpoint.status is Status.DELETING:
            raise endpoint_not_found(runtime_id, endpoint.name)
        if endpoint.live_version is None:
            if endpoint.status is Status.CREATING:
                raise RetryableConflictException(
                    f"Endpoint {endpoint.name} of agent '{runtime_id}' is being created. Wait until it is READY."
                )
            raise RuntimeClientError(
                endpoint.failure_reason or f"Endpoint {endpoint.name} is {endpoint.status}."
            )
        version = self._repository.version(runtime_id, endpoint.live_version)
        assert version is not None, "a version that an endpoint points at cannot be deleted"
        assert version.image is not None, "a version without an image never goes live"
        return Plan(runtime, version, version.image, endpoint.name)

    async def _belongs(self, runtime_id: str, protocol: Protocol, call: Call) -> Belongs:
        # Looked at before it is sent: an error has to carry the request's own id.
        head = await rpc_head(call) if protocol.json_rpc else RpcHead()
        if protocol.name != "MCP":
            return Belongs(call.params.get("runtimeSessionId") or str(uuid.uuid4()))
        if not accepts_mcp(call.params.get("accept")):
            raise McpRequestUnacceptable("The request must accept application/json and text/event-stream.")
        return self._mcp.belongs(runtime_id, call.params, head)

    def _answer(self, reply: Reply, lease: Lease, belongs: Belongs, call: Call) -> Answer:
        members: dict[str, Any] = {
            member: readable(reply.headers[header])
            for header, member in FROM_CONTAINER.items()
            if header in reply.headers
        }
        members["runtimeSessionId"] = belongs.session_id
        members["sessionEndpointUrl"] = session_endpoint_url(self._url, lease.session)
        members["contentType"] = readable(reply.headers.get("Content-Type", "")) or None
        if lease.protocol.name == "MCP":
            name = members.get("mcpSessionId")
            if name:
                self._mcp.learn(lease.session.runtime_id, name, belongs.session_id)
            members["mcpSessionId"] = name or call.params.get("mcpSessionId") or belongs.session_id
        facts = _facts(lease, self._sandbox, reply)
        return Answer(reply.status, members, facts, reply.body, reply.whole)


async def rpc_head(call: Call) -> RpcHead:
    """The method and id of a JSON-RPC call."""
    return head_of(await call.payload.peek(PEEK_BYTES))


def _headers(call: Call, lease: Lease, belongs: Belongs, token: str | None) -> dict[str, str]:
    configured = lease.version.spec.get("requestHeaderConfiguration") or {}
    allowlist = configured.get("requestHeaderAllowlist", ())
    headers = to_container(call.headers, allowlist, lease.session.session_id, call.request_id)
    if belongs.told is not None:
        headers[MCP_SESSION_ID] = belongs.told
    if length := call.headers.get("Content-Length"):
        headers["Content-Length"] = length
    return with_token(headers, token)


def _facts(lease: Lease, sandbox: str, reply: Reply) -> dict[str, str]:
    facts = {
        "x-agentcore-lab-sandbox": sandbox,
        "x-agentcore-lab-architecture": lease.session.architecture,
        "x-agentcore-lab-version": str(lease.session.version),
        "x-agentcore-lab-agent-ms": f"{reply.seconds * 1000:.0f}",
    }
    if lease.started_in is not None:
        facts["x-agentcore-lab-sandbox-start-ms"] = f"{lease.started_in * 1000:.0f}"
    return facts
