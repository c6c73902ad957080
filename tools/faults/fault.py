"""What a planted fault is, and how it gets into the code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """``before``, which stands once in ``file`` (of ``agentcore_lab/``), becomes ``after``.

    ``also`` are places that go with it, each as its file, what stands there and what it becomes. ``broken`` is the
    promise in words; ``tests`` are where its tests stand, ``labs`` the numbers of the labs that show it to a reader.
    """

    name: str
    broken: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    labs: tuple[str, ...] = ()
    also: tuple[tuple[str, str, str], ...] = ()


class Misfit(Exception):  # noqa: N818 - a state, named as one
    """The code has changed, and the fault no longer fits it."""


def plant(fault: Fault, package: Path) -> None:
    """Change the code in ``package``, a copy of ``agentcore_lab``.

    Raises:
        Misfit: the place is not there, or not once.
    """
    for name, before, after in ((fault.file, fault.before, fault.after), *fault.also):
        file = package / name
        code = file.read_text()
        if code.count(before) != 1:
            raise Misfit(f"{fault.name}: its place stands {code.count(before)} times in {name}")
        file.write_text(code.replace(before, after))
