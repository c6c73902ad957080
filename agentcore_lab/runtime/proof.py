"""Proof of health: no version serves before its image has answered its health check once, in a sandbox of its own."""

from __future__ import annotations

import asyncio
import secrets

import aiohttp

from agentcore_lab.errors import RuntimeClientError
from agentcore_lab.runtime.boot import Boot
from agentcore_lab.runtime.limits import WARM_UP_BUDGET_SECONDS
from agentcore_lab.runtime.ports import warm_up_of
from agentcore_lab.runtime.protocols import Protocol, protocol_of
from agentcore_lab.runtime.startup import log_tail
from agentcore_lab.runtime.storage import fresh_mounts, throw_away
from agentcore_lab.runtime.versions import Status, Version
from agentcore_lab.sandbox.base import SandboxError

NOT_KEPT = "The ZIP of this version was not kept by the engine that made it: update the agent runtime."
PURPOSE = "agentcore-lab.purpose"
PROOF = "proof"
"""The label, and its value, of a sandbox that proves a version and serves no session."""

_AT_ONCE = 4
"""Proofs that boot side by side; an engine that starts anew may owe many."""

_GRACE_SECONDS = 2
"""Between SIGTERM and the end of a probe, which has no caller's work to finish."""


class Abandoned(Exception):  # noqa: N818 - a state, named as one
    """The proof was given up: its runtime is being deleted, or the engine closes."""


class Proofs:
    """The proofs under way; ``warm_up_budget`` is in seconds."""

    def __init__(
        self,
        boot: Boot,
        *,
        warm_up_budget: float = WARM_UP_BUDGET_SECONDS,
    ) -> None:
        self._boot = boot
        self._backend = boot.backend
        self._client = boot.client
        self._warm_up_budget = warm_up_budget
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[tuple[str, int], asyncio.Task[str | None]] = {}

    async def of(self, version: Version) -> str | None:
        """None once the version has proved healthy, now or before; else why it has not, for ``failureReason``.

        Whoever asks for the same version meanwhile shares one proof.

        Raises:
            Abandoned: the proof was given up before it came to an end.
        """
        if version.status is Status.READY:
            return None
        if version.image is None:
            return NOT_KEPT
        key = (version.runtime_id, version.number)
        if (task := self._under_way.get(key)) is None:
            task = self._under_way[key] = asyncio.create_task(self._prove(version))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Abandoned from None
            raise

    async def abandon(self, runtime_id: str | None = None) -> None:
        """Give up the proofs of one runtime, or all, and return once their sandboxes are gone."""
        given_up = [task for key, task in self._under_way.items() if runtime_id in {None, key[0]}]
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)

    async def _prove(self, version: Version) -> str | None:
        sandbox_id = secrets.token_hex(8)
        mounts = fresh_mounts(version.spec)  # an agent may look for its storage as soon as it starts
        async with self._slots:
            try:
                address = await self._boot.start(sandbox_id, version, {PURPOSE: PROOF}, mounts)
                return await self._warm_up(version, sandbox_id, address, protocol_of(version.spec))
            except RuntimeClientError as error:
                return error.message
            except SandboxError as error:
                return f"The sandbox that was to prove the version healthy could not be used. {error}"
            finally:
                await self._backend.stop(sandbox_id, _GRACE_SECONDS)
                await throw_away(self._backend, mounts)

    async def _warm_up(
        self, version: Version, sandbox_id: str, address: str, protocol: Protocol
    ) -> str | None:
        """What hooksConfiguration asks for: one POST, any 2xx within the budget."""
        post = warm_up_of(version.spec)
        if post is None:
            return None
        port = post.get("port", protocol.port)
        base = address if port == protocol.port else await self._backend.address(sandbox_id, port)
        if base is None:
            tail = await log_tail(self._backend, sandbox_id)
            return f"The build warm-up hook failed: nothing listens on port {port}.{tail}"
        try:
            async with self._client.post(
                base + post["path"], timeout=aiohttp.ClientTimeout(total=self._warm_up_budget)
            ) as response:
                if 200 <= response.status < 300:
                    return None
                why = f"answered with status {response.status}"
        except TimeoutError:
            why = f"did not answer within {self._warm_up_budget:g} s"
        except aiohttp.ClientError as error:
            why = f"broke off the connection ({type(error).__name__})"
        tail = await log_tail(self._backend, sandbox_id)
        return f"The build warm-up hook failed: POST {post['path']} on port {port} {why}.{tail}"
