"""Find the container engine a person already has, whichever kind it is.

The docker SDK knows ``DOCKER_HOST`` and the default socket. Colima and Docker Desktop announce themselves by
a docker context, Podman and rootless Docker by a socket at a known place: those are looked up here, so that
what ``docker ps`` reaches is reached here too.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from agentcore_lab.sandbox.base import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that answered.

    ``name`` is what it calls itself (``Docker Desktop``, ``Debian GNU/Linux 12``, ``Podman``),
    ``architecture`` is in the kernel's words (``x86_64``, ``aarch64``), ``kernel`` is the release of the one its
    containers run on.
    """

    address: str
    name: str
    version: str
    architecture: str
    kernel: str

    @property
    def runs_arm64_natively(self) -> bool:
        """Whether its processor is an ARM64 one."""
        return self.architecture in {"aarch64", "arm64"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to try; ``options`` are further arguments of ``docker.DockerClient`` (TLS)."""

    address: str
    options: dict[str, Any] = field(default_factory=dict)


class EngineUnreachable(BackendUnavailable):
    """No container engine answered; the message names what was tried and why it failed."""

    def __init__(self, failures: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{address}: {reason}" for address, reason in failures))
        self.failures = failures

    @property
    def permission_denied(self) -> bool:
        """Whether an engine is there, but not for this user."""
        return any("Permission denied" in reason for _, reason in self.failures)


def connect(timeout: float = 60.0, *, max_pool_size: int = 16) -> docker.DockerClient:
    """A client of the first engine that answers; ``timeout`` (seconds) is that of its later calls too.

    Raises:
        EngineUnreachable: none answered.
    """
    client, _ = _first_that_answers(timeout, max_pool_size)
    return client


def find(timeout: float = 5.0) -> Engine:
    """What ``connect`` would reach; each place is given ``timeout`` seconds.

    Raises:
        EngineUnreachable: none answered.
    """
    client, address = _first_that_answers(timeout, max_pool_size=1)
    try:
        info: dict[str, Any] = client.info()
        version: dict[str, Any] = client.version()
    except (DockerException, RequestException) as error:
        raise EngineUnreachable(((address, _reason(error)),)) from error
    finally:
        client.close()
    components = {component.get("Name", "") for component in version.get("Components") or ()}
    return Engine(
        address=address,
        name="Podman" if "Podman Engine" in components else str(info.get("OperatingSystem", "")),
        version=str(version.get("Version", "")),
        architecture=str(info.get("Architecture", "")),
        kernel=str(info.get("KernelVersion", "")),
    )


def endpoints() -> Iterator[Endpoint]:
    """Where an engine may listen, most wanted first; only one when the person named it in ``DOCKER_HOST``."""
    named: dict[str, Any] = {**kwargs_from_env()}
    if address := named.pop("base_url", None):
        yield Endpoint(address, named)
        return
    context = ContextAPI.get_current_context()
    seen = set()
    for endpoint in (_of_context(context), *map(Endpoint, well_known_sockets())):
        if endpoint is not None and endpoint.address not in seen:
            seen.add(endpoint.address)
            yield endpoint


def well_known_sockets(home: Path | None = None) -> tuple[str, ...]:
    """The sockets engines listen on by default, those that exist, the system's Docker always first."""
    home = home or Path.home()
    runtime = Path(f"/run/user/{os.getuid()}")
    places = (
        runtime / "docker.sock",
        home / ".docker" / "run" / "docker.sock",
        home / ".colima" / "default" / "docker.sock",
        home / ".config" / "colima" / "default" / "docker.sock",
        home / ".orbstack" / "run" / "docker.sock",
        runtime / "podman" / "podman.sock",
        home / ".local" / "share" / "containers" / "podman" / "machine" / "podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return (DEFAULT_SOCKET, *(f"unix://{place}" for place in places if _exists(place)))


def _first_that_answers(timeout: float, max_pool_size: int) -> tuple[docker.DockerClient, str]:
    failures = []
    for endpoint in endpoints():
        client = None
        try:
            _knock(endpoint.address, timeout)
            client = docker.DockerClient(
                base_url=endpoint.address,
                timeout=int(timeout),
                max_pool_size=max_pool_size,
                **endpoint.options,
            )
            client.ping()
        except (DockerException, RequestException, OSError) as error:
            if client is not None:
                client.close()
            failures.append((endpoint.address, _reason(error)))
        else:
            return client, endpoint.address
    raise EngineUnreachable(tuple(failures))


def _knock(address: str, timeout: float) -> None:
    """Fail early where nobody listens on a socket: the SDK would leave its own half-open one behind."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect(address.removeprefix("unix://"))


def _of_context(context: Any) -> Endpoint | None:
    """The endpoint ``docker context use`` chose; None for the default context, which names no place."""
    if context is None or context.Name == "default" or not context.Host:
        return None
    options = {"tls": context.TLSConfig} if context.TLSConfig else {}
    return Endpoint(context.Host, options)


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except PermissionError:
        return False


def _reason(error: Exception) -> str:
    """The innermost cause in words: the SDK wraps ``[Errno 2] No such file or directory`` four times over."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        nested = next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
        cause = nested or cause.__cause__ or cause.__context__
    return str(error)
