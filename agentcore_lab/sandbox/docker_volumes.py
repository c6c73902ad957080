"""Storage of container sandboxes: a named volume each, marked with its owner and kept when containers go."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound
from docker.types import Mount as VolumeMount

from agentcore_lab.sandbox.docker_container import OWNER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.volumes import Volume

    from agentcore_lab.sandbox.base import Mount

STORAGE = "agentcore-lab.storage"


def volume_name(storage_id: str) -> str:
    """The volume's name, for people too."""
    return f"agentcore-lab-{storage_id}"


def prepared(client: DockerClient, owner: str, mounts: Sequence[Mount]) -> list[VolumeMount]:
    """The mounts as ``containers.create`` takes them, their volumes made; images do not fill new ones."""
    for mount in mounts:
        _ensure(client, owner, mount)
    return [
        VolumeMount(mount.path, volume_name(mount.storage_id), type="volume", no_copy=True)
        for mount in mounts
    ]


def open_to_all(container: Container, mounts: Sequence[Mount]) -> None:
    """Let any user inside write to the top of each storage, as in AgentCore; images seldom run as root.

    A new volume belongs to root. The container is created and not started yet.
    """
    for mount in mounts:
        path = PurePosixPath(mount.path)
        folder = tarfile.TarInfo(path.name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(folder)
        container.put_archive(str(path.parent), archive.getvalue())


def storages(client: DockerClient, owner: str) -> list[str]:
    """The storages whose volumes carry the owner's mark."""
    volumes = client.volumes.list(filters={"label": f"{OWNER}={owner}"})
    return [volume.attrs["Labels"][STORAGE] for volume in volumes]


def size(client: DockerClient, owner: str, storage_id: str) -> int | None:
    """What the engine's disk usage says of the volume; None where it does not say."""
    if _find(client, owner, storage_id) is None:
        return None
    usage: dict[str, Any] = client.df()
    for volume in usage.get("Volumes") or ():
        if volume["Name"] == volume_name(storage_id):
            held = int((volume.get("UsageData") or {}).get("Size", -1))
            return None if held < 0 else held
    return None


def remove(client: DockerClient, owner: str, storage_id: str) -> None:
    """Remove the volume; one that is gone, or another's, is left alone."""
    volume = _find(client, owner, storage_id)
    if volume is not None:
        with contextlib.suppress(NotFound):  # two removals met
            volume.remove()


def _ensure(client: DockerClient, owner: str, mount: Mount) -> None:
    name = volume_name(mount.storage_id)
    labels = {OWNER: owner, STORAGE: mount.storage_id}
    if _find(client, owner, mount.storage_id) is not None:
        return
    if mount.limit is not None:
        try:
            client.volumes.create(name, driver_opts={"size": str(mount.limit)}, labels=labels)
        except APIError:
            pass  # limits need XFS with project quotas under the engine
        else:
            return
    client.volumes.create(name, labels=labels)


def _find(client: DockerClient, owner: str, storage_id: str) -> Volume | None:
    try:
        volume = client.volumes.get(volume_name(storage_id))
    except NotFound:
        return None
    return volume if (volume.attrs.get("Labels") or {}).get(OWNER) == owner else None
