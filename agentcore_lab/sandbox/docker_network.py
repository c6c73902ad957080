"""The bridge that sandboxes are on: one for all engines of a machine, on which containers cannot reach each other."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
from docker.errors import APIError, DockerException
from docker.types import IPAMConfig, IPAMPool
from requests.exceptions import RequestException

from agentcore_lab.sandbox.docker_container import gateway_of

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.networks import Network


def ensure(client: DockerClient, name: str, addresses: IPAMConfig | None = None) -> None:
    """Make the network if there is none of this ``name``, with the ``addresses`` it had before. Raises APIError."""
    if not _of_name(client, name):
        closed = {"com.docker.network.bridge.enable_icc": "false"}
        try:
            client.networks.create(
                name, driver="bridge", options=closed, check_duplicate=True, ipam=addresses
            )
        except APIError as error:
            if addresses is not None and "overlaps" in str(error.explanation):
                ensure(client, name)  # somebody else's network has them now
            elif error.status_code != 409:  # another engine made it in the meantime
                raise
    leave_one(client, name)


def leave_one(client: DockerClient, name: str) -> None:
    """Engines that open at the same moment may each make one, and then no container can join by the name."""
    for surplus in _of_name(client, name)[:0:-1]:
        with suppress(APIError):  # another engine removed it, or has put a sandbox on it
            surplus.remove()
    for unused in _of_name(client, name)[:-1]:
        with suppress(APIError):
            unused.remove()


def remove(client: DockerClient, name: str) -> None:
    """Remove the network, unless another engine has sandboxes there or listens there for those to come."""
    with suppress(DockerException, RequestException):
        network = client.networks.get(name)
        if not _somebody_listens_at(gateway_of(network.attrs)):
            network.remove()


def _somebody_listens_at(address: str | None) -> bool:
    """Whether a program of this machine does, whichever user's; where that is not told, nobody can."""
    try:
        sockets = psutil.net_connections("tcp4")
    except psutil.Error:  # macOS tells root alone; containers are in a virtual machine there, with the bridge
        return False
    listening = [each.laddr for each in sockets if each.status == psutil.CONN_LISTEN]
    return any(local and local.ip == address for local in listening)


def gateway(client: DockerClient, name: str) -> str | None:
    """The engine's machine as containers of the network see it. Raises APIError."""
    return gateway_of(client.networks.get(name).attrs)


def addresses(client: DockerClient, name: str) -> IPAMConfig:
    """What makes a network with the same addresses: the engine listens for agents at one. Raises APIError."""
    pools = client.networks.get(name).attrs["IPAM"]["Config"]
    return IPAMConfig(pool_configs=[IPAMPool(pool["Subnet"], gateway=pool.get("Gateway")) for pool in pools])


def _of_name(client: DockerClient, name: str) -> list[Network]:
    """The networks of this name, the oldest first."""
    found = [each for each in client.networks.list(names=[name]) if each.name == name]
    return sorted(found, key=lambda each: (each.attrs["Created"], each.id))
