"""The local container engine as one owner of containers in it uses it, by calls that block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound
from docker.errors import ImageNotFound as NoSuchImage

from agentcore_lab.sandbox import docker_files, docker_network, docker_volumes
from agentcore_lab.sandbox.base import (
    BackendUnavailable,
    Image,
    ImageNotFound,
    Owned,
    SandboxSpec,
    UnsupportedArchitecture,
    Usage,
)
from agentcore_lab.sandbox.docker_container import (
    OWNER,
    SANDBOX,
    address_of,
    container_name,
    container_options,
    labels_of,
    limits_on,
    usage_in,
)
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect
from agentcore_lab.sandbox.docker_probe import MEND, reaches_bridge, why_no_arm64
from agentcore_lab.sandbox.docker_trust import ImageStores

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_MENDS = 5
"""How often a start is mended: of several at once each may make the network, and unmake what another has made."""


def reach(connections: int) -> tuple[DockerClient, dict[str, Any]]:
    """A client of an engine that runs ARM64, and what the engine says of itself. Raises BackendUnavailable."""
    try:
        client = connect(max_pool_size=connections)
    except EngineUnreachable as error:
        raise BackendUnavailable(f"no container engine answers ({error}): {MEND}") from None
    try:
        info: dict[str, Any] = client.info()
        if (reason := why_no_arm64(info)) is not None:
            raise BackendUnavailable(reason)
    except BaseException:
        client.close()
        raise
    return client, info


class DockerEngine:
    """Containers marked with ``owner``, on the ``network``, which is made if need be.

    ``vcpus`` and ``memory_gib`` limit each. With ``publish`` agents are reached at ports of 127.0.0.1, without at
    their own addresses; None decides by what the engine says of itself.
    """

    def __init__(
        self,
        owner: str,
        network: str,
        *,
        vcpus: float,
        memory_gib: float,
        publish: bool | None,
        connections: int,
    ) -> None:
        """Raises BackendUnavailable, APIError."""
        self.client, info = reach(connections)
        self._owner = owner
        self._network = network
        self._init = True
        self._stores = ImageStores()
        try:
            self._limits = limits_on(info, vcpus, memory_gib)
            self._publish = not reaches_bridge(info) if publish is None else publish
            docker_network.ensure(self.client, network)
            self._gateway = docker_network.gateway(self.client, network)
            self._addresses = docker_network.addresses(self.client, network)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the network if nobody uses it any more, and let the engine go."""
        docker_network.remove(self.client, self._network)
        self.client.close()

    @property
    def reached_from(self) -> str | None:
        """The bridge's own address; None where containers live in a virtual machine."""
        return None if self._publish else self._gateway

    def address(self, sandbox_id: str, port: int | None) -> str | None:
        """The address on the bridge, or the published port; None if it has neither (yet)."""
        container = self.find(sandbox_id)
        if container is None:
            return None
        return address_of(container.attrs, self._network, port, publish=self._publish)

    def resolve(self, uri: str) -> Image:
        """The local image ``uri`` names now. Raises ImageNotFound, UnsupportedArchitecture."""
        try:
            attributes = self.client.images.get(uri).attrs
        except NoSuchImage:
            raise ImageNotFound(f"no image {uri} in the local container engine: build it first") from None
        except APIError as error:
            if error.status_code != 400:
                raise
            raise ImageNotFound(f"{uri} is no image name") from None
        if attributes["Architecture"] != "arm64" or attributes["Os"] != "linux":
            raise UnsupportedArchitecture(uri, attributes["Architecture"])
        return Image(uri, attributes["Id"], attributes["Architecture"])

    def start(self, spec: SandboxSpec) -> None:
        """Create and start the container; a start that fails leaves none behind. Raises ImageNotFound."""
        for _ in range(_MENDS):
            try:
                return self._run(spec)
            except NoSuchImage:
                raise ImageNotFound(f"the image of {spec.image.uri} is gone: build it again") from None
            except APIError as error:
                self._mend(error)
        return self._run(spec)

    def _mend(self, error: APIError) -> None:
        """Change what kept a container from starting; raises ``error`` if that is nothing this backend can change."""
        why = str(error.explanation)
        if isinstance(error, NotFound):
            # An engine that thought itself the last one removed the network.
            docker_network.ensure(self.client, self._network, self._addresses)
        elif self._init and "docker-init" in why:
            self._init = False  # this engine was installed without an init
        elif "ambiguous" in why:
            docker_network.leave_one(self.client, self._network)
        else:
            raise error

    def _run(self, spec: SandboxSpec) -> None:
        options = container_options(
            spec,
            self._owner,
            self._limits,
            self._network,
            self._gateway,
            init=self._init,
            publish=self._publish,
        )
        volumes = docker_volumes.prepared(self.client, self._owner, spec.mounts)
        container = self.client.containers.create(**options, mounts=volumes)
        try:
            docker_volumes.open_to_all(container, spec.mounts)
            trust = self._stores.files(container, spec.image.digest, spec.secure) if spec.secure else {}
            docker_files.give(container, {**trust, **spec.files})
            container.start()
        except BaseException:
            container.remove(v=True, force=True)
            raise

    def find(self, sandbox_id: str) -> Container | None:
        """The container, if it is there and the owner's."""
        try:
            container = self.client.containers.get(container_name(sandbox_id))
        except NotFound:
            return None
        return container if container.labels.get(OWNER) == self._owner else None

    def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The container's last lines."""
        container = self.find(sandbox_id)
        if container is None:
            return []
        output: bytes = container.logs(stdout=True, stderr=True, tail=tail)
        return output.decode(errors="replace").splitlines()

    def usage(self, sandbox_id: str) -> Usage | None:
        """What the engine's statistics say of the container now."""
        container = self.find(sandbox_id)
        if container is None:
            return None
        # One sample: without one_shot the engine waits a second for a second one.
        statistics: dict[str, Any] = self.client.api.stats(
            container_name(sandbox_id), stream=False, one_shot=True
        )
        return usage_in(statistics)

    def stop(self, sandbox_id: str, grace: float) -> None:
        """End the container and remove it with its anonymous volumes and its log."""
        container = self.find(sandbox_id)
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

    def owned(self) -> list[Owned]:
        """Every container with this owner's label, running or not."""
        found: list[dict[str, Any]] = self.client.api.containers(
            all=True, filters={"label": f"{OWNER}={self._owner}"}
        )
        return [Owned(each["Labels"][SANDBOX], labels_of(each["Labels"])) for each in found]
