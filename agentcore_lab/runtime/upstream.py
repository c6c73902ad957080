"""HTTP to the agent of a session; what goes wrong there becomes the error the caller sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from agentcore_lab.clock import stopwatch
from agentcore_lab.errors import AwsError, GatewayTimeoutException, RuntimeClientError
from agentcore_lab.runtime.endings import Reason
from agentcore_lab.runtime.limits import (
    MAX_PAYLOAD_BYTES,
    STREAMING_TIMEOUT_SECONDS,
    SYNCHRONOUS_TIMEOUT_SECONDS,
)
from agentcore_lab.runtime.plan import Lease
from agentcore_lab.runtime.session import Session
from agentcore_lab.runtime.sessions import Sessions
from agentcore_lab.runtime.startup import as_tail, log_tail
from agentcore_lab.runtime.time_limit import TimeLimits
from agentcore_lab.sandbox.base import Backend

_SHOWN_BYTES = 1000
"""How much of a container's error answer goes into the message."""

_SHORT_BYTES = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)
_LAST_BREATH_SECONDS = 1.0
_UPGRADE_SECONDS = 60
_NOTHING_OF_OURS = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")


@dataclass(frozen=True, slots=True)
class Reply:
    """A container's answer of 2xx. ``seconds`` passed until its head was there; ``body`` is still to be read.

    ``whole`` is all of a short body that came at once; ``body`` has the same bytes.
    """

    status: int
    headers: Mapping[str, str]
    seconds: float
    body: AsyncIterator[bytes]
    whole: bytes | None


class Upstream:
    """Speaks to the agents of an engine's sessions."""

    def __init__(
        self, client: aiohttp.ClientSession, backend: Backend, sessions: Sessions, limits: TimeLimits
    ) -> None:
        self._client = client
        self._backend = backend
        self._sessions = sessions
        self._limits = limits

    @asynccontextmanager
    async def request(
        self,
        lease: Lease,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
    ) -> AsyncIterator[Reply]:
        """The agent's answer to one request.

        Redirects are not followed: nobody but the agent's own author can know where they lead.

        Raises:
            RuntimeClientError: an answer of 3xx, 4xx or 5xx, one that is too large, or none.
            GatewayTimeoutException: it took longer than AWS waits.
            AwsError: what ``body`` raised.
        """
        began = stopwatch()
        try:
            async with (
                self._limits.limit(SYNCHRONOUS_TIMEOUT_SECONDS) as limit,
                self._client.request(
                    method,
                    lease.address + path,
                    data=body,
                    headers=headers,
                    skip_auto_headers=_NOTHING_OF_OURS,
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                ) as response,
            ):
                if response.status >= 300:
                    raise await self._refused(response, lease)
                if (response.content_length or 0) > MAX_PAYLOAD_BYTES:
                    raise await self._too_large(lease)
                if response.content_type == "text/event-stream":
                    limit.allow(STREAMING_TIMEOUT_SECONDS)
                seconds = stopwatch() - began
                first = await _announced(response)
                whole = first if response.content.is_eof() else None
                yield Reply(
                    response.status, response.headers, seconds, self._read(first, response, lease), whole
                )
        except aiohttp.ClientError as error:
            raise await self._broke_off(error, lease) from error
        except TimeoutError:
            raise GatewayTimeoutException(
                f"The agent had not answered within {SYNCHRONOUS_TIMEOUT_SECONDS} s, or a stream of events had not "
                f"ended within {STREAMING_TIMEOUT_SECONDS} s. Work that takes longer has to go on in the background: "
                "answer at once and report HealthyBusy on /ping."
            ) from None

    async def upgrade(self, lease: Lease, path: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The agent's 101 to a request for a WebSocket; its connection is the caller's to take and to close.

        Raises:
            RuntimeClientError: any other answer, or none.
        """
        try:
            async with asyncio.timeout(_UPGRADE_SECONDS):
                response = await self._client.get(
                    lease.address + path,
                    headers={"Connection": "Upgrade", "Upgrade": "websocket", **headers},
                    skip_auto_headers=_NOTHING_OF_OURS,
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise await self._broke_off(error, lease) from error
        if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            return response
        async with response:
            raise await self._refused(response, lease)

    async def lost(self, session: Session) -> Session:
        """The session whose agent's connection is gone: as it is now, ended if its container has.

        A connection breaks a moment before its process is seen to have ended: it is given a second for that.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_BREATH_SECONDS):
                while (status := await self._backend.status(session.incarnation)).running:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(_LAST_BREATH_SECONDS / 20)
                self._sessions.crashed(session, status)
        return self._sessions.now(session)

    async def _read(
        self, first: bytes | None, response: aiohttp.ClientResponse, lease: Lease
    ) -> AsyncIterator[bytes]:
        total = len(first or b"")
        if first:
            yield first
        try:
            async for chunk in response.content.iter_any():
                total += len(chunk)
                if total > MAX_PAYLOAD_BYTES:
                    raise await self._too_large(lease)
                yield chunk
        except aiohttp.ClientError as error:
            raise await self._broke_off(error, lease) from error

    async def _refused(self, response: aiohttp.ClientResponse, lease: Lease) -> RuntimeClientError:
        said = (await response.content.read(_SHOWN_BYTES)).decode(errors="replace").strip()
        why = f"The container answered: {said or '(nothing)'}"
        if 300 <= response.status < 400:
            where = response.headers.get("Location", "nowhere")
            why = f"The container redirected to {where}; redirects are not followed."
        tail = await log_tail(self._backend, lease.session.incarnation)
        return ContainerRefused(
            f"Received error ({response.status}) from runtime. Please check your CloudWatch logs for more "
            f"information.\n{why}{tail}",
            response.status,
        )

    async def _too_large(self, lease: Lease) -> RuntimeClientError:
        tail = await log_tail(self._backend, lease.session.incarnation)
        return RuntimeClientError(f"The agent's answer is larger than {MAX_PAYLOAD_BYTES:,} bytes.{tail}")

    async def _broke_off(self, error: Exception, lease: Lease) -> AwsError:
        # What the request's own bytes raise ends the sending, and the client hands it on as the cause.
        if isinstance(error.__cause__, AwsError):
            return error.__cause__
        session = await self.lost(lease.session)
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


async def _announced(response: aiohttp.ClientResponse) -> bytes | None:
    """The first bytes of an answer that said how short it is, most often all of them; None of any other.

    Heads and bodies are often sent one after the other by agents, and would be passed on so, at twice the cost.
    """
    length = response.content_length
    return await response.content.readany() if length is not None and length <= _SHORT_BYTES else None


class ContainerRefused(RuntimeClientError):  # noqa: N818 - a state, named as one
    """The container answered, with a ``status`` that is no success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
