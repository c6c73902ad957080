"""What the sandbox tests run on: a backend, its builder, and the questions asked of running agents."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp

from agentcore_lab.images.build import Built
from agentcore_lab.images.process_builder import ProcessBuilder
from agentcore_lab.sandbox.base import Backend, Image, Mount, SandboxSpec
from agentcore_lab.sandbox.process import ProcessBackend
from agentcore_lab.sandbox.process_store import ProcessStore
from tests.patience import PATIENCE

AGENTS = Path(__file__).parent / "agents"
HELLO = Path(__file__).parents[2] / "containers" / "hello-agent"
T = TypeVar("T")


async def eventually(check: Callable[[], Awaitable[T | None]], *, within: float = PATIENCE) -> T:
    """The first true answer of ``check``; TimeoutError if there is none ``within`` seconds."""
    async with asyncio.timeout(within):
        while not (answer := await check()):  # noqa: ASYNC110 - other programs announce nothing
            await asyncio.sleep(0.03)
    return answer


class Kind(Protocol):
    """One kind of sandbox: how to make its backend, and how to build for it."""

    def backend(self, owner: str) -> Backend: ...

    def build(self, folder: Path, uri: str) -> Built: ...


@dataclass(frozen=True, slots=True)
class ProcessKind:
    data_dir: Path
    cache_dir: Path

    def backend(self, owner: str) -> Backend:
        return ProcessBackend(owner, data_dir=self.data_dir, cache_dir=self.cache_dir)

    def build(self, folder: Path, uri: str) -> Built:
        builder = ProcessBuilder(ProcessStore(self.data_dir / "images"), self.cache_dir)
        return builder.build(folder, uri, on_step=lambda _: None)


@dataclass(frozen=True, slots=True)
class DockerKind:
    cache_dir: Path

    def backend(self, owner: str) -> Backend:
        from agentcore_lab.sandbox.docker import DockerBackend

        return DockerBackend(owner)

    def build(self, folder: Path, uri: str) -> Built:
        from agentcore_lab.images.docker_builder import DockerBuilder

        return DockerBuilder(self.cache_dir).build(folder, uri, on_step=lambda _: None)


@dataclass(frozen=True, slots=True)
class Agent:
    """A running sandbox, spoken to over HTTP as the engine does."""

    backend: Backend
    id: str
    http: aiohttp.ClientSession

    async def address(self) -> str:
        async def known() -> str | None:
            if not (await self.backend.status(self.id)).running:
                raise AssertionError("\n".join(["the agent ended:", *await self.backend.logs(self.id, 50)]))
            return await self.backend.address(self.id)

        return await eventually(known)

    async def ready(self) -> Agent:
        """Itself, once ``/ping`` answers 200."""

        async def healthy() -> bool:
            try:
                async with self.http.get(f"{await self.address()}/ping") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await eventually(healthy)
        return self

    async def invoke(self, action: str, **payload: Any) -> dict[str, Any]:
        async with self.post({"action": action, **payload}) as answer:
            assert answer.status == 200
            return dict(await answer.json())

    def post(self, payload: Mapping[str, Any]) -> Any:
        return _Post(self, payload)

    async def log(self, *wanted: str, tail: int = 100) -> list[str]:
        """The log's lines once all ``wanted`` are among them."""
        lines: list[str] = []

        async def there() -> list[str]:
            lines[:] = await self.backend.logs(self.id, tail)
            return lines if set(wanted) <= set(lines) else []

        try:
            return await eventually(there)
        except TimeoutError:
            raise AssertionError(f"{wanted} are not all in {lines}") from None


@dataclass(slots=True)
class _Post:
    agent: Agent
    payload: Mapping[str, Any]
    _context: Any = field(default=None, init=False)

    async def __aenter__(self) -> aiohttp.ClientResponse:
        url = f"{await self.agent.address()}/invocations"
        headers = {"Content-Type": "application/json"}
        self._context = self.agent.http.post(url, data=json.dumps(self.payload), headers=headers)
        response: aiohttp.ClientResponse = await self._context.__aenter__()
        return response

    async def __aexit__(self, *error: object) -> None:
        await self._context.__aexit__(*error)


@dataclass(slots=True)
class Arena:
    """One test's backend and the images it may start."""

    kind: Kind
    backend: Backend
    owner: str
    images: Mapping[str, str]
    http: aiohttp.ClientSession

    async def start(
        self,
        name: str = "probe",
        *,
        image: Image | None = None,
        port: int = 8080,
        mounts: Sequence[Mount] = (),
        ports: Sequence[range] = (),
        files: Mapping[str, str] | None = None,
        **environment: str,
    ) -> Agent:
        """A started sandbox of one of ``images``, ready or not; of ``image`` if one was resolved before."""
        found = image or await self.backend.resolve(self.images[name])
        spec = SandboxSpec(
            f"test-{secrets.token_hex(6)}",
            found,
            port,
            environment,
            {"session": "s-1"},
            mounts,
            ports,
            files or {},
        )
        await self.backend.start(spec)
        return Agent(self.backend, spec.id, self.http)


def edited(folder: Path, target: Path, **texts: str) -> Path:
    """A copy of an agent's folder in which the files named (dots written as ``__``) have other texts."""
    shutil.copytree(folder, target)
    for name, text in texts.items():
        (target / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return target
