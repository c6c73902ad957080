"""Leftovers in the local container engine: images of ours that no version and no container needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import APIError

from agentcore_lab.images.docker_builder import CONTENT_LABEL
from agentcore_lab.images.engine import inspect_image
from agentcore_lab.prune.leftovers import Leftover, Needed, is_of_a_build
from agentcore_lab.sandbox.docker_held import holder_of
from agentcore_lab.sandbox.ownership import is_gone

if TYPE_CHECKING:
    from docker import DockerClient

_KINDS = {
    "agentcore-lab/packages": "packages of an image",
    "agentcore-lab/base": "base of images",
    "agentcore-lab/code": "image of a code artifact",
    "agentcore-lab/version": "image of a version that is gone",
}
_NONE = "<none>:<none>"


@dataclass(frozen=True, slots=True)
class DockerLeftovers:
    """Those that ``owner`` may remove: what engines of other data directories hold is theirs while these are there."""

    client: DockerClient
    owner: str
    needed: Needed
    cache_dir: Path

    def find(self, before: datetime) -> list[Leftover]:
        """See ``Place``. Raises APIError."""
        in_use = {container["ImageID"] for container in self.client.api.containers(all=True)}
        usage: dict[str, Any] = self.client.df()
        found = []
        for image in usage["Images"] or ():
            names = [name for name in image["RepoTags"] or () if name != _NONE]
            if image["Id"] not in in_use and not self._is_needed(image["Id"], names):
                found += self._of_image(image, names, before)
        return found

    def remove(self, leftover: Leftover) -> bool:
        """See ``Place``; the engine itself keeps what containers and other images need."""
        try:
            self.client.images.remove(leftover.name)
        except APIError:
            return False
        return True

    def _is_needed(self, digest: str, names: list[str]) -> bool:
        holders = [holder for name in names if (holder := holder_of(name)) is not None]
        others = (holder for holder in holders if holder != self.owner)
        return (
            digest in self.needed.digests
            or not self.needed.names.isdisjoint(names)
            or any(not is_gone(holder, self.cache_dir) for holder in others)
        )

    def _of_image(self, image: dict[str, Any], names: list[str], before: datetime) -> list[Leftover]:
        labelled = CONTENT_LABEL in (image["Labels"] or {})
        if names:
            gone = {name: what for name in names if (what := _kind(name, labelled=labelled)) is not None}
        else:
            gone = {image["Id"]: "image without a name"} if labelled else {}
        if not gone or (used := self._last_used(image["Id"])) >= before:
            return []
        # Shared layers stay with the other images; an image stays as long as it has a name.
        size = max(0, image["Size"] - max(0, image["SharedSize"])) if len(gone) == max(1, len(names)) else 0
        return [
            Leftover(what, name, 0 if index else size, used)
            for index, (name, what) in enumerate(gone.items())
        ]

    def _last_used(self, digest: str) -> datetime:
        facts = inspect_image(self.client, digest) or {}
        named = (facts.get("Metadata") or {}).get("LastTagTime") or ""
        return max(_moment(facts.get("Created") or ""), _moment(named))


def _kind(name: str, *, labelled: bool) -> str | None:
    """What an image of ours with this name is; None for a name that is not ours to remove."""
    if labelled and is_of_a_build(name):
        return "image of an earlier build"
    return _KINDS.get(name.rpartition(":")[0])


def _moment(text: str) -> datetime:
    """A time as Docker writes it; the oldest there is where it says none."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
