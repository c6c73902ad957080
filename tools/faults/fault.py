"""What a planted fault is, and how it gets into the code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """``before``, which stands once in ``file`` (of ``agentcore_lab/``), becomes ``after``.

    ``also`` are places of the same file that go with it, each with what it becomes. ``broken`` is the promise in
    words; ``tests`` are where its tests stand, ``labs`` the numbers of the labs that show it to a reader.
    """

    name: str
    broken: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    labs: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()


class Misfit(Exception):  # noqa: N818 - a state, named as one
    """The code has changed, and the fault no longer fits it."""


def plant(fault: Fault, package: Path) -> None:
    """Change the code in ``package``, a copy of ``agentcore_lab``.

    Raises:
        Misfit: the place is not there, or not once.
    """
    file = package / fault.file
    code = file.read_text()
    for before, after in ((fault.before, fault.after), *fault.also):
        if code.count(before) != 1:
            raise Misfit(f"{fault.name}: its place stands {code.count(before)} times in {fault.file}")
        code = code.replace(before, after)
    file.write_text(code)
