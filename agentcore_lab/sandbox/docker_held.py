"""Names that keep images of versions: one whose other names have gone on would be taken by any clean-up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docker.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Collection

    from docker import DockerClient

REPOSITORY = "agentcore-lab/version"


def held_name(owner: str, digest: str) -> str:
    """The name by which ``owner`` holds an image."""
    return f"{REPOSITORY}:{owner}-{digest.removeprefix('sha256:')[:12]}"


def holder_of(name: str) -> str | None:
    """Whose name this is; None for one that ``held_name`` did not make."""
    repository, _, tag = name.partition(":")
    return tag.rpartition("-")[0] if repository == REPOSITORY else None


def hold(client: DockerClient, owner: str, digests: Collection[str]) -> None:
    """Name these images, as far as they are here and have not been named so. Raises APIError."""
    found: list[dict[str, Any]] = client.api.images(name=REPOSITORY)
    there = {name for image in found for name in image["RepoTags"] or ()}
    for digest in digests:
        if (name := held_name(owner, digest)) not in there:
            with suppress(ImageNotFound):
                client.api.tag(digest, REPOSITORY, name.rpartition(":")[2])
