"""The world of scripted agents: quick, and they can be held in the middle of what they do."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

from agentcore_lab.sandbox.base import Owned
from agentcore_lab.testing import Script, ScriptedBackend
from tests.conftest import HELLO
from tests.runtime.model.expected import Artifact, Proof
from tests.runtime.model.tally import Tally
from tests.runtime.model.world import HOLD, World


class ScriptedWorld(World):
    """Agents are scripts in this process. While ``holding`` is set, sessions that start are held until let go."""

    proofs = tuple(Proof)
    holds_starts = True

    def __init__(self, folder: Path, tally: Tally, *, runtimes: int, ids: int) -> None:
        self._scripts = ScriptedBackend()
        super().__init__(folder, self._scripts, tally, runtimes=runtimes, ids=ids)
        self._judgements: dict[str, Proof] = {}
        self._said: dict[str, tuple[int, dict[str, Any]]] = {}
        self._releases: Counter[str] = Counter()
        self.holding = False
        self._asked_before: set[str] = set()
        self._held: set[str] = set()

    def owned(self) -> list[Owned]:
        return [Owned(each.spec.id, each.spec.labels) for each in list(self._scripts.running.values())]

    def artifact(self, proof: Proof) -> Artifact:
        uri = HELLO.replace("hello", f"image-{next(self.numbers)}")
        self._judgements[uri] = proof

        async def prove(request: web.Request) -> web.StreamResponse:
            if self._judgements[uri] is Proof.BROKEN:
                self._scripts.running[self._asked(request)].exited = 1
            return web.Response(status=200 if self._judgements[uri] is Proof.HEALTHY else 503)

        self._scripts.add(uri, Script(ping=self._ping, answer=self._answer, proof=Script(ping=prove)))
        return Artifact(uri, proof)

    def judge(self, artifact: Artifact, proof: Proof) -> Artifact:
        self._judgements[artifact.uri] = proof
        return Artifact(artifact.uri, proof)

    def say(self, sandbox_id: str, code: int, body: dict[str, Any]) -> None:
        self._said[sandbox_id] = (code, body)

    def release(self, sandbox_id: str) -> None:
        self._releases[sandbox_id] += 1

    def crash(self, sandbox_id: str) -> None:
        self._scripts.crash(sandbox_id)

    def holds(self, sandbox_id: str) -> bool:
        """Whether a session's start is held."""
        return sandbox_id in self._held

    def let_start(self, sandbox_id: str) -> None:
        """Let a session's start that is held go on."""
        self._held.discard(sandbox_id)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if body == HOLD:
            sandbox_id = self._asked(request)
            before = self._releases[sandbox_id]
            while self._releases[sandbox_id] == before:  # noqa: ASYNC110 - released from another thread
                await asyncio.sleep(0.01)
        return web.Response(body=body)

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        sandbox_id = self._asked(request)
        if self.holding and sandbox_id not in self._asked_before:
            self._held.add(sandbox_id)
        self._asked_before.add(sandbox_id)
        if sandbox_id in self._held:
            return web.Response(status=503)
        code, body = self._said.get(sandbox_id, (200, {"status": "Healthy"}))
        return web.json_response(body, status=code)

    def _asked(self, request: web.Request) -> str:
        address = f"http://127.0.0.1:{request.url.port}"
        return next(key for key, each in self._scripts.running.items() if each.addresses.get(None) == address)
