"""What takes the place of a FROM that cannot be had here: a table that a person can read and change."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from agentcore_lab.images.debian import SUITES
from agentcore_lab.images.dockerfile import BuildError

FILE = "bases.toml"
_MADE = re.compile(r"debian:(\d+\.\d+)")

EXAMPLE = """\
# FROM as a Dockerfile has it (* and ? match) = what takes its place where that image is not in the local Docker.
# "debian:3.13" is Python 3.13 made of Debian's ARM64 packages; anything else is the name of an image.
[bases]
"ghcr.io/astral-sh/uv:python3.12-*" = "debian:3.13"
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``own`` says that it is the user's, who is not asked twice: nothing is pulled first."""

    pattern: str
    use: str
    own: bool

    @property
    def made(self) -> str | None:
        """The Python version of a base that is made of Debian's packages; None if ``use`` is an image."""
        found = _MADE.fullmatch(self.use)
        return found[1] if found else None


BUILT_IN = tuple(
    Row(pattern.format(version), f"debian:{version}", own=False)
    for version in SUITES
    for pattern in ("*python*:{}*", "*:python{}*")
)
"""A Python base is what its name promises: that version, as Debian has it."""


class Bases:
    """The user's rows, if ``path`` has any, before those that are built in."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def rows(self) -> tuple[Row, ...]:
        """All rows, the first that fits counts. Raises BuildError: the file cannot be read."""
        if self.path is None or not self.path.is_file():
            return BUILT_IN
        try:
            table = tomllib.loads(self.path.read_text())["bases"]
            own = tuple(Row(pattern, use, own=True) for pattern, use in table.items())
            if wrong := [row.pattern for row in own if not isinstance(row.use, str)]:
                raise BuildError(f"{self.path}: what takes the place of {wrong[0]} has to be a text")
        except (tomllib.TOMLDecodeError, KeyError, AttributeError, UnicodeDecodeError) as error:
            raise BuildError(
                f"{self.path} cannot be read ({error!r}). It looks like this:\n{EXAMPLE}"
            ) from None
        return (*own, *BUILT_IN)

    def instead_of(self, reference: str) -> Row | None:
        """The row for a FROM, None if none fits. Raises BuildError."""
        return next((row for row in self.rows() if fnmatchcase(reference, row.pattern)), None)

    def advice(self, reference: str) -> str:
        """How a person lets something else take the place of ``reference``."""
        if self.path is None:
            return ""
        return f' Or name a base that is to take its place, in {self.path}:\n[bases]\n"{reference}" = "debian:3.13"'
