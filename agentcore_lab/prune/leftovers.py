"""What is found: things that can be made again, that no version needs and that have not been of use for long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agentcore_lab.runtime.artifact import image_digests
from agentcore_lab.runtime.code_artifacts import code_of
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.store.db import Database

_OF_A_BUILD = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/[^:@]+:(?P<tag>[0-9a-f]{12}|\d{8}-\d{6}-\d{3})"
)


@dataclass(frozen=True, slots=True)
class Leftover:
    """``what`` it is in words, and its ``name``; ``size`` is the bytes that go with it alone, ``last_used`` in UTC."""

    what: str
    name: str
    size: int
    last_used: datetime


@dataclass(frozen=True, slots=True)
class Needed:
    """What the versions of a data directory need: images by digest, images of code artifacts by name."""

    digests: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


class Place(Protocol):
    """Somewhere leftovers are. Its methods block."""

    def find(self, before: datetime) -> list[Leftover]:
        """What nothing needs and what has not been of use since ``before``."""
        ...

    def remove(self, leftover: Leftover) -> bool:
        """Remove it; False if it is of use after all."""
        ...


def needed_in(data_dir: Path) -> Needed:
    """What the versions stored in ``data_dir`` need, whether its engine runs or not.

    Raises:
        DatabaseTooNew: a newer agentcore-lab wrote it.
    """
    path = data_dir / "engine.db"
    if not path.exists():
        return Needed()
    database = Database(path)
    try:
        versions = RuntimeRepository(database).all_versions()
    finally:
        database.close()
    names = frozenset(code.reference for version in versions if (code := code_of(version)) is not None)
    return Needed(image_digests(versions), names)


def is_of_a_build(name: str) -> bool:
    """Whether a name was given by a build and not by a person: `%%agent` and the toolkit make a tag for each."""
    return _OF_A_BUILD.fullmatch(name) is not None


def size_of(path: Path) -> int:
    """The bytes on disk that are gone with a file or a folder: those of files that have no other name."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if not each.is_symlink()]
    facts = [each.stat() for each in files if each.is_file()]
    return sum(fact.st_blocks * 512 for fact in facts if fact.st_nlink == 1)
