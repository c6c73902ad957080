"""One invocation: find the version, hold the session, send the bytes, hand the answer back as it comes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from agentcore_lab.clock import stopwatch
from agentcore_lab.errors import RetryableConflictException, RuntimeClientError
from agentcore_lab.runtime.arn import Scope, not_found, runtime_id_in
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.endpoints import endpoint_not_found
from agentcore_lab.runtime.headers import FROM_CONTAINER, to_container
from agentcore_lab.runtime.limits import SYNCHRONOUS_TIMEOUT_SECONDS
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.sessions import Lease, Plan, Sessions
from agentcore_lab.runtime.startup import as_tail, log_tail
from agentcore_lab.runtime.versions import DEFAULT_ENDPOINT, Status
from agentcore_lab.sandbox.base import Backend

_SHOWN_BYTES = 1000
"""How much of a container's error answer goes into the message."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks: the modelled members, the raw headers and the payload, which is never looked into."""

    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The container's answer: AWS's output members, the lab's own facts, and the body still to be read."""

    members: dict[str, Any]
    facts: Mapping[str, str]
    body: AsyncIterator[bytes]


class Invoker:
    """Answers InvokeAgentRuntime."""

    def __init__(
        self,
        repository: RuntimeRepository,
        sessions: Sessions,
        backend: Backend,
        client: aiohttp.ClientSession,
    ) -> None:
        self._repository = repository
        self._sessions = sessions
        self._backend = backend
        self._client = client

    @asynccontextmanager
    async def invoke(self, scope: Scope, call: Call) -> AsyncIterator[Answer]:
        """The agent's answer to one call; the session counts as active until the context ends.

        Raises:
            ResourceNotFoundException: unknown runtime or qualifier.
            RuntimeClientError: the container did not start, answered 4xx or 5xx, or broke off.
        """
        session_id = call.params.get("runtimeSessionId") or str(uuid.uuid4())
        plan = self.plan(scope, call.params)
        async with (
            self._sessions.use(plan.runtime.id, session_id, lambda: self.plan(scope, call.params)) as lease,
            self._send(call, lease) as (response, seconds),
        ):
            if response.status >= 400:
                raise await self._refused(response, lease)
            members: dict[str, Any] = {
                "runtimeSessionId": session_id,
                "contentType": response.headers.get("Content-Type", "application/octet-stream"),
            }
            for header, member in FROM_CONTAINER.items():
                if header in response.headers:
                    members[member] = response.headers[header]
            yield Answer(members, _facts(lease, self._backend.name, seconds), self._read(response, lease))

    def plan(self, scope: Scope, params: Mapping[str, Any]) -> Plan:
        """What a new session of this call would start from.

        Raises:
            ResourceNotFoundException: unknown runtime or qualifier.
            RetryableConflictException: the endpoint is still being created.
            RuntimeClientError: no version of the endpoint has ever proved healthy.
        """
        runtime_id = runtime_id_in(params["agentRuntimeArn"], params.get("accountId"), scope)
        runtime = self._repository.get(scope, runtime_id)
        if runtime.status is Status.DELETING:
            raise not_found(runtime_id)
        endpoint = self._repository.endpoint(runtime_id, params.get("qualifier") or DEFAULT_ENDPOINT)
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

    @asynccontextmanager
    async def _send(self, call: Call, lease: Lease) -> AsyncIterator[tuple[aiohttp.ClientResponse, float]]:
        configured = lease.version.spec.get("requestHeaderConfiguration") or {}
        allowlist = configured.get("requestHeaderAllowlist", ())
        headers = to_container(call.headers, allowlist, lease.session.session_id, call.request_id)
        if length := call.headers.get("Content-Length"):
            headers["Content-Length"] = length
        began = stopwatch()
        try:
            async with self._client.post(
                lease.address + lease.protocol.path,
                data=call.body,
                headers=headers,
                skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
                timeout=aiohttp.ClientTimeout(total=None, sock_read=SYNCHRONOUS_TIMEOUT_SECONDS),
            ) as response:
                yield response, stopwatch() - began
        except (aiohttp.ClientError, TimeoutError) as error:
            raise await self._broke_off(error, lease) from error

    async def _read(self, response: aiohttp.ClientResponse, lease: Lease) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise await self._broke_off(error, lease) from error

    async def _refused(self, response: aiohttp.ClientResponse, lease: Lease) -> RuntimeClientError:
        said = (await response.content.read(_SHOWN_BYTES)).decode(errors="replace").strip()
        tail = await log_tail(self._backend, lease.session.incarnation)
        return RuntimeClientError(
            f"Received error ({response.status}) from runtime. Please check your CloudWatch logs for more "
            f"information.\nThe container answered: {said or '(nothing)'}{tail}"
        )

    async def _broke_off(self, error: Exception, lease: Lease) -> RuntimeClientError:
        status = await self._backend.status(lease.session.incarnation)
        if not status.running:
            self._sessions.crashed(lease.session, status)
        session = self._sessions.now(lease.session)
        tail = as_tail(await self._sessions.log_tail(session))
        if session.reason is Reason.UNHEALTHY:
            return RuntimeClientError(f"{session.detail}{tail}")
        if session.alive:
            why = f"The container broke off the connection ({type(error).__name__})."
        else:
            why = f"{session.detail} The session ended while the call was answered ({session.reason})."
        return RuntimeClientError(
            f"Received error (500) from runtime. Please check your CloudWatch logs for more information. {why}{tail}"
        )


def _facts(lease: Lease, sandbox: str, agent_seconds: float) -> dict[str, str]:
    facts = {
        "x-agentcore-lab-sandbox": sandbox,
        "x-agentcore-lab-architecture": lease.session.architecture,
        "x-agentcore-lab-version": str(lease.session.version),
        "x-agentcore-lab-agent-ms": f"{agent_seconds * 1000:.0f}",
    }
    if lease.started_in is not None:
        facts["x-agentcore-lab-sandbox-start-ms"] = f"{lease.started_in * 1000:.0f}"
    return facts
