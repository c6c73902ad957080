"""Sandboxes as ARM64 containers of the local container engine, one a session."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from docker.errors import APIError, DockerException, NotFound
from docker.errors import ImageNotFound as NoSuchImage
from docker.types import IPAMConfig
from requests.exceptions import RequestException

from agentcore_lab.sandbox import docker_files, docker_network, docker_volumes
from agentcore_lab.sandbox.base import (
    BackendUnavailable,
    Doorway,
    Image,
    ImageNotFound,
    Owned,
    SandboxError,
    SandboxSpec,
    SandboxStatus,
    UnsupportedArchitecture,
    Usage,
)
from agentcore_lab.sandbox.docker_container import (
    OWNER,
    SANDBOX,
    Limits,
    address_of,
    container_name,
    container_options,
    labels_of,
    limits_on,
    usage_in,
)
from agentcore_lab.sandbox.docker_disk import DiskWatch
from agentcore_lab.sandbox.docker_exec import DockerCommand, DockerExec, DockerTerminal, open_shell, run
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect
from agentcore_lab.sandbox.docker_probe import MEND, reaches_bridge, why_no_arm64
from agentcore_lab.sandbox.docker_trust import ImageStores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from docker import DockerClient
    from docker.models.containers import Container

    from agentcore_lab.sandbox.commands import Size

P = ParamSpec("P")
T = TypeVar("T")

# docker-py blocks: several threads, so that one slow stop holds up no other session.
_THREADS = 8


class DockerBackend:
    """Containers marked with ``owner``; those of other owners are never seen or touched.

    ``vcpus``, ``memory_gib`` and ``disk_gib`` (what it writes outside its storage) limit each sandbox.
    ``publish`` says how agents are reached: at their own address on the engine's bridge (False) or at a port of
    127.0.0.1 (True, for engines in a virtual machine); None decides by what the engine says of itself.
    """

    name = "docker"
    isolation = (
        "Each session is an ARM64 container of its own: no capabilities, its own file system and limits, "
        "and no way to other sessions over the network."
    )

    def __init__(
        self,
        owner: str,
        *,
        network: str = "agentcore-lab",
        vcpus: float = 2,
        memory_gib: float = 8,
        disk_gib: float = 10,
        publish: bool | None = None,
    ) -> None:
        self._owner = owner
        self._network = network
        self._asked = (vcpus, memory_gib)
        self._publish = publish
        self._init = True
        self._measuring = asyncio.Lock()
        self._stores = ImageStores()
        self._disk = DiskWatch(disk_gib)
        self._watching: asyncio.Task[None] | None = None
        self._limits: Limits | None = None
        self._gateway: str | None = None
        self._addresses: IPAMConfig | None = None
        self._docker: DockerClient | None = None
        self._pool: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Find the engine, see that it runs ARM64, make the network. Raises BackendUnavailable."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        try:
            await self._blocking(self._open)
        except BackendUnavailable:
            await self.close()
            raise
        except SandboxError as error:
            await self.close()
            raise BackendUnavailable(f"the container engine cannot be used ({error}): {MEND}") from None
        self._watching = asyncio.create_task(
            self._disk.keep(lambda: self._blocking(self._disk.look, self._client, self._owner))
        )

    @property
    def doorway(self) -> Doorway:
        """The bridge's own address; the engine's machine by name where containers live in a virtual machine."""
        if self._publish or self._gateway is None:
            return Doorway("host.docker.internal")
        return Doorway(self._gateway, listen_on=self._gateway)

    async def close(self) -> None:
        """Remove the network if nobody uses it any more, and let the engine go."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            self._watching = None
        if self._docker is not None:
            await self._blocking(self._close, self._docker)
            self._docker = None
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None

    async def resolve(self, uri: str) -> Image:
        """The local image ``uri`` names now; nothing is pulled, as an ECR-shaped name here is a local tag."""
        return await self._blocking(self._resolve, uri)

    async def start(self, spec: SandboxSpec) -> None:
        """Create and start the container; a start that fails, or is cancelled, leaves none behind."""
        starting = asyncio.ensure_future(self._blocking(self._start, spec))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on whatever happens here: see it to its end, then undo what it did.
            await asyncio.wait([starting])
            if starting.exception() is None:
                await self._blocking(self._stop, spec.id, 0)
            raise

    async def address(self, sandbox_id: str, port: int | None = None) -> str | None:
        """The address on the bridge, or the published port; None if it has neither (yet)."""
        container = await self._blocking(self._find, sandbox_id)
        if container is None:
            return None
        return address_of(container.attrs, self._network, port, publish=bool(self._publish))

    async def status(self, sandbox_id: str) -> SandboxStatus:
        """Whether the container's first process runs, and how it ended."""
        container = await self._blocking(self._find, sandbox_id)
        if container is None:
            return SandboxStatus(running=False)
        state = container.attrs["State"]
        if state["Running"]:
            return SandboxStatus(running=True)
        return SandboxStatus(
            running=False,
            exit_code=state["ExitCode"],
            out_of_memory=state["OOMKilled"],
            out_of_disk=sandbox_id in self._disk.ended,
        )

    async def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The container's last lines, crashed or not, until it is stopped."""
        return await self._blocking(self._logs, sandbox_id, tail)

    async def usage(self, sandbox_id: str) -> Usage | None:
        """What the engine's statistics say of the container now."""
        return await self._blocking(self._usage, sandbox_id)

    @asynccontextmanager
    async def run(self, sandbox_id: str, arguments: Sequence[str]) -> AsyncIterator[DockerCommand]:
        """Run a program in the container, as its user."""
        async with run(await self._program(sandbox_id), arguments) as command:
            yield command

    async def open_shell(self, sandbox_id: str, size: Size) -> DockerTerminal:
        """Start a shell in the container, as its user."""
        return await open_shell(await self._program(sandbox_id), size)

    async def _program(self, sandbox_id: str) -> DockerExec:
        if await self._blocking(self._find, sandbox_id) is None:
            raise SandboxError(f"sandbox {sandbox_id} does not run")
        return DockerExec(self._client.api, self._blocking, container_name(sandbox_id))

    async def stop(self, sandbox_id: str, grace: float) -> None:
        """End the container and remove it with its anonymous volumes and its log."""
        await self._blocking(self._stop, sandbox_id, grace)
        self._disk.ended.discard(sandbox_id)

    async def owned(self) -> list[Owned]:
        """Every container with this owner's label, running or not."""
        return await self._blocking(self._owned)

    async def storages(self) -> list[str]:
        """Every named volume with this owner's label."""
        return await self._blocking(lambda: docker_volumes.storages(self._client, self._owner))

    async def storage_size(self, storage_id: str) -> int | None:
        """What the engine says that the volume takes on disk."""
        async with self._measuring:  # the engine refuses to measure twice at a time
            return await self._blocking(docker_volumes.size, self._client, self._owner, storage_id)

    async def remove_storage(self, storage_id: str) -> None:
        """Remove the volume."""
        await self._blocking(docker_volumes.remove, self._client, self._owner, storage_id)

    async def _blocking(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``call`` in the pool; what the SDK raises becomes a SandboxError."""
        if self._pool is None:
            raise BackendUnavailable("the docker backend is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))
        except APIError as error:
            raise SandboxError(str(error.explanation or error)) from error
        except (DockerException, RequestException) as error:
            raise SandboxError(f"the container engine does not answer: {error}") from error

    @property
    def _client(self) -> DockerClient:
        assert self._docker is not None
        return self._docker

    def _open(self) -> None:
        try:
            self._docker = connect(max_pool_size=_THREADS)
        except EngineUnreachable as error:
            raise BackendUnavailable(f"no container engine answers ({error}): {MEND}") from None
        info: dict[str, Any] = self._docker.info()
        if (reason := why_no_arm64(info)) is not None:
            raise BackendUnavailable(reason)
        self._limits = limits_on(info, *self._asked)
        if self._publish is None:
            self._publish = not reaches_bridge(info)
        docker_network.ensure(self._client, self._network)
        self._gateway = docker_network.gateway(self._client, self._network)
        self._addresses = docker_network.addresses(self._client, self._network)

    def _close(self, client: DockerClient) -> None:
        docker_network.remove(client, self._network)
        client.close()

    def _resolve(self, uri: str) -> Image:
        try:
            attributes = self._client.images.get(uri).attrs
        except NoSuchImage:
            raise ImageNotFound(f"no image {uri} in the local container engine: build it first") from None
        except APIError as error:
            if error.status_code != 400:
                raise
            raise ImageNotFound(f"{uri} is no image name") from None
        if attributes["Architecture"] != "arm64" or attributes["Os"] != "linux":
            raise UnsupportedArchitecture(uri, attributes["Architecture"])
        return Image(uri, attributes["Id"], attributes["Architecture"])

    def _start(self, spec: SandboxSpec) -> None:
        try:
            self._run(spec)
        except NoSuchImage:
            raise ImageNotFound(f"the image of {spec.image.uri} is gone: build it again") from None
        except NotFound:
            # An engine that thought itself the last one removed the network.
            docker_network.ensure(self._client, self._network, self._addresses)
            self._run(spec)
        except APIError as error:
            self._mend(str(error.explanation), error)
            self._run(spec)

    def _mend(self, why: str, error: APIError) -> None:
        """Change what kept a container from starting; raises ``error`` if that is nothing this backend can change."""
        if self._init and "docker-init" in why:
            self._init = False  # this engine was installed without an init
        elif "ambiguous" in why:
            docker_network.leave_one(self._client, self._network)
        else:
            raise error

    def _run(self, spec: SandboxSpec) -> None:
        assert self._limits is not None
        options = container_options(
            spec,
            self._owner,
            self._limits,
            self._network,
            self._gateway,
            init=self._init,
            publish=bool(self._publish),
        )
        volumes = docker_volumes.prepared(self._client, self._owner, spec.mounts)
        container = self._client.containers.create(**options, mounts=volumes)
        try:
            docker_volumes.open_to_all(container, spec.mounts)
            trust = self._stores.files(container, spec.image.digest, spec.secure) if spec.secure else {}
            docker_files.give(container, {**trust, **spec.files})
            container.start()
        except BaseException:
            container.remove(v=True, force=True)
            raise

    def _find(self, sandbox_id: str) -> Container | None:
        try:
            container = self._client.containers.get(container_name(sandbox_id))
        except NotFound:
            return None
        return container if container.labels.get(OWNER) == self._owner else None

    def _logs(self, sandbox_id: str, tail: int) -> list[str]:
        container = self._find(sandbox_id)
        if container is None:
            return []
        output: bytes = container.logs(stdout=True, stderr=True, tail=tail)
        return output.decode(errors="replace").splitlines()

    def _usage(self, sandbox_id: str) -> Usage | None:
        container = self._find(sandbox_id)
        if container is None:
            return None
        # One sample: without one_shot the engine waits a second for a second one.
        statistics: dict[str, Any] = self._client.api.stats(
            container_name(sandbox_id), stream=False, one_shot=True
        )
        return usage_in(statistics)

    def _stop(self, sandbox_id: str, grace: float) -> None:
        container = self._find(sandbox_id)
        if container is None:
            return
        try:
            if grace > 0:
                container.stop(timeout=math.ceil(grace))
            container.remove(v=True, force=True)
        except NotFound:
            pass  # two stops met
        except APIError as error:
            if error.status_code != 409:  # the other one is removing it right now
                raise

    def _owned(self) -> list[Owned]:
        found: list[dict[str, Any]] = self._client.api.containers(
            all=True, filters={"label": f"{OWNER}={self._owner}"}
        )
        return [Owned(each["Labels"][SANDBOX], labels_of(each["Labels"])) for each in found]
