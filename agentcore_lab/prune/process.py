"""Leftovers on disk: images of the process sandbox, virtual environments, file systems of bases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agentcore_lab.images.debian import SUITES, base_key
from agentcore_lab.prune.leftovers import Leftover, Needed, is_of_a_build, size_of
from agentcore_lab.sandbox.base import ImageNotFound
from agentcore_lab.sandbox.process_store import ProcessStore, Tag
from agentcore_lab.sandbox.process_venv import Environments, modified

_CODE = "agentcore-lab/code:"


@dataclass(frozen=True, slots=True)
class ProcessImages:
    """Those of one data directory; agents that run have their own copies."""

    store: ProcessStore
    needed: Needed

    def find(self, before: datetime) -> list[Leftover]:
        """See ``Place``."""
        old = [tag for tag in self.store.tags() if self._may_go(tag) and tag.since < before]
        shared = {tag.digest for tag in self.store.tags() if tag not in old}
        found = []
        for tag in old:
            what = "image of a code artifact" if tag.uri.startswith(_CODE) else "image of an earlier build"
            size = 0 if tag.digest in shared else size_of(self.store.tree(tag.digest))
            shared.add(tag.digest)
            found.append(Leftover(what, tag.uri, size, tag.since))
        for image in self.store.unnamed():
            if image.digest not in self.needed.digests and image.since < before:
                size = size_of(self.store.tree(image.digest))
                found.append(Leftover("image without a name", image.digest, size, image.since))
        return found

    def remove(self, leftover: Leftover) -> bool:
        """See ``Place``."""
        if leftover.name.startswith("sha256:"):
            self.store.discard(leftover.name)
        else:
            self.store.remove(leftover.name)
        return True

    def _may_go(self, tag: Tag) -> bool:
        ours = tag.uri.startswith(_CODE) or is_of_a_build(tag.uri)
        return ours and tag.digest not in self.needed.digests and tag.uri not in self.needed.names


@dataclass(frozen=True, slots=True)
class VirtualEnvironments:
    """Those that all engines of a user share: an agent's start is use, and makes what is missing."""

    environments: Environments
    store: ProcessStore
    needed: Needed

    def find(self, before: datetime) -> list[Leftover]:
        """See ``Place``."""
        kept = set(self._needed())
        return [
            Leftover("virtual environment", each.path.name, size_of(each.path), each.last_used)
            for each in self.environments.all()
            if each.path.name not in kept and each.last_used < before
        ]

    def remove(self, leftover: Leftover) -> bool:
        """See ``Place``."""
        return self.environments.remove(leftover.name, leftover.last_used)

    def _needed(self) -> Iterator[str]:
        named = (tag.digest for tag in self.store.tags() if tag.uri in self.needed.names)
        for digest in (*self.needed.digests, *named):
            with suppress(ImageNotFound):  # a version's image may be Docker's
                yield self.store.manifest(digest).python.name


@dataclass(frozen=True, slots=True)
class BaseFiles:
    """File systems of bases that this agentcore-lab would make otherwise."""

    folder: Path

    def find(self, before: datetime) -> list[Leftover]:
        """See ``Place``."""
        current = {f"{base_key(version)}.tar" for version in SUITES}
        old = (path for path in self.folder.glob("*.tar") if path.name not in current)
        return [
            Leftover("file system of a base", path.name, size_of(path), modified(path))
            for path in old
            if modified(path) < before
        ]

    def remove(self, leftover: Leftover) -> bool:
        """See ``Place``."""
        (self.folder / leftover.name).unlink(missing_ok=True)
        return True
