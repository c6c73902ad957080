"""``RUN pip install …``, read: what a builder can resolve on the host instead of running it."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import NoReturn

_PROGRAMS = (
    ("pip", "install"),
    ("pip3", "install"),
    ("python", "-m", "pip", "install"),
    ("python3", "-m", "pip", "install"),
    ("uv", "pip", "install"),
)
# They change nothing when packages are resolved on the host, into a folder of their own.
_WITHOUT_EFFECT = (
    *(
        "--no-cache-dir",
        "--no-cache",
        "--upgrade",
        "-U",
        "--system",
        "--quiet",
        "-q",
        "--no-input",
        "--no-progress",
    ),
    *(
        "--disable-pip-version-check",
        "--prefer-binary",
        "--break-system-packages",
        "--no-warn-script-location",
    ),
    *("--compile", "--no-compile", "--compile-bytecode"),
)
_WITHOUT_EFFECT_VALUED = ("--root-user-action", "--progress-bar", "--timeout", "--retries")


@dataclass(frozen=True, slots=True)
class PipInstall:
    """What one RUN installs: requirement and constraint files, packages, and options in uv's words."""

    files: tuple[str, ...]
    constraints: tuple[str, ...]
    packages: tuple[str, ...]
    options: tuple[str, ...]


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """An option that only pip itself knows what to do with."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("-r", "--requirement", "--requirements", dest="files", action="append", default=[])
    parser.add_argument(
        "-c", "--constraint", "--constraints", dest="constraints", action="append", default=[]
    )
    for names in (("-i", "--index-url"), ("--extra-index-url",), ("-f", "--find-links")):
        parser.add_argument(
            *names, dest="valued", action="append", type=f"{names[-1]}={{}}".format, default=[]
        )
    for name in ("--no-deps", "--no-index", "--pre"):
        parser.add_argument(name, dest="flags", action="append_const", const=name, default=[])
    for name in _WITHOUT_EFFECT:
        parser.add_argument(name, dest="ignored", action="store_true")
    for name in _WITHOUT_EFFECT_VALUED:
        parser.add_argument(name, dest="ignored")
    return parser


def read_pip_install(command: str) -> PipInstall | None:
    """What a RUN's text installs; None if it does anything else, or installs in a way only pip knows."""
    words: list[str] = []
    for part in command.split("&&"):
        after = _after_program(part)
        if after is None:
            return None
        words += after
    try:
        found = _parser().parse_intermixed_args(words)
    except _Refused:
        return None
    # A folder or an archive has to be built, which is pip's own work inside the image.
    if any(package.startswith((".", "/")) or "://" in package for package in found.packages):
        return None
    return PipInstall(
        files=tuple(found.files),
        constraints=tuple(found.constraints),
        packages=tuple(found.packages),
        options=(*found.flags, *found.valued),
    )


def _after_program(part: str) -> list[str] | None:
    """The words after ``pip install``, or None if this is something else."""
    try:
        words = shlex.split(part)
    except ValueError:
        return None
    while words and words[0].startswith("--mount="):
        words.pop(0)
    for program in _PROGRAMS:
        if tuple(words[: len(program)]) == program and len(words) > len(program):
            return words[len(program) :]
    return None
