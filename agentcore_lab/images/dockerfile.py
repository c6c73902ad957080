"""A plain Dockerfile, read: what the agent needs, without any container engine.

Read here and used by every builder, so that one Dockerfile means the same thing on every sandbox.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dockerfile_parse import DockerfileParser
from dockerfile_parse.constants import COMMENT_INSTRUCTION
from dockerfile_parse.util import WordSplitter, get_key_val_dictionary

from agentcore_lab.images.pip_install import PipInstall, read_pip_install
from agentcore_lab.plain_error import PlainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Docker's reference, "Dockerfile overview".
INSTRUCTIONS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
        *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)
# They may be written as a JSON list.
_EXEC_FORMS = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT"))
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_WITH_DEFAULT = re.compile(r"\$\{(\w+):?-([^}]*)\}")
_PYTHON_TAG = re.compile(r"(?:^|python)(\d+\.\d+)(?=$|[.\-])")
_HEREDOC = re.compile(r"<<-?['\"]?\w+['\"]?")


class BuildError(PlainError):
    """An image cannot be built; the message is for a person and says where and what would mend it."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of the final stage: its name in upper case, its text, its first line (1-based)."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Copy:
    """One COPY or ADD of the source folder: patterns as written, and an absolute destination.

    ``into_folder`` says that the destination was written as a folder, so that a single file keeps its name.
    """

    sources: tuple[str, ...]
    destination: PurePosixPath
    into_folder: bool
    line: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a Dockerfile says. ``instructions`` are those after FROM, their variables not replaced yet."""

    base: str
    platform: str | None
    instructions: tuple[Instruction, ...]

    @property
    def command(self) -> tuple[str, ...]:
        """ENTRYPOINT and CMD as the arguments that are executed; empty if the base decides."""
        entrypoint, command = self._last("ENTRYPOINT"), self._last("CMD")
        if entrypoint is None:
            return _arguments(command) if command else ()
        if command is None or not entrypoint.startswith("["):  # a shell-form ENTRYPOINT ignores CMD
            return _arguments(entrypoint)
        return _arguments(entrypoint) + _arguments(command)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ENV sets, each with the variables before it replaced."""
        values: dict[str, str] = {}
        for instruction, variables in self._walk():
            if instruction.name == "ENV":
                values |= _pairs(instruction.value, variables)
        return values

    @property
    def workdir(self) -> str:
        """The folder the command starts in; ``/`` if none is named."""
        return str(self.place("."))

    @property
    def user(self) -> str | None:
        """The user, or user and group, the command runs as; None if the base decides."""
        return next((_expand(i.value, v) for i, v in reversed(list(self._walk())) if i.name == "USER"), None)

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports that EXPOSE names, in order."""
        ports = [
            word.removesuffix("/tcp")
            for instruction, variables in self._walk()
            if instruction.name == "EXPOSE"
            for word in _expand(instruction.value, variables).split()
        ]
        return tuple(int(port) for port in ports if port.isdecimal())

    @property
    def python_version(self) -> str | None:
        """The Python the base's name promises (``3.11`` of ``…/python:3.11-slim-bookworm``)."""
        repository, _, tag = self.base.partition("@")[0].rpartition(":")
        found = _PYTHON_TAG.search(tag) if "python" in self.base else None
        return found.group(1) if found and repository else None

    @property
    def pip_installs(self) -> tuple[tuple[Instruction, PipInstall], ...]:
        """The RUN instructions that do nothing but install Python packages, with what they install."""
        runs = ((i, read_pip_install(_substitute(i.value, v))) for i, v in self._walk() if i.name == "RUN")
        return tuple((instruction, install) for instruction, install in runs if install is not None)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements files those instructions name, as absolute paths in the image."""
        return tuple(
            str(self.place(name, instruction.line))
            for instruction, install in self.pip_installs
            for name in install.files
        )

    @property
    def copies(self) -> tuple[Copy, ...]:
        """What COPY and ADD take from the source folder, in order; copies from other images are left out."""
        found = []
        for instruction, variables in self._walk():
            words = _words(instruction.value, variables) if instruction.name in ("COPY", "ADD") else []
            if not words or any(word.startswith("--from") for word in words):
                continue
            *sources, destination = [word for word in words if not word.startswith("--")]
            place = self.place(destination, instruction.line)
            folder = (
                destination.endswith("/") or len(sources) > 1 or place == self.place(".", instruction.line)
            )
            found.append(Copy(tuple(sources), place, folder, instruction.line))
        return tuple(found)

    def place(self, path: str, line: int | None = None) -> PurePosixPath:
        """``path`` as an absolute one, relative to the WORKDIR in force at ``line``, or at the end."""
        folder = PurePosixPath("/")
        for instruction, variables in self._walk():
            if instruction.name == "WORKDIR" and (line is None or instruction.line < line):
                folder /= _expand(instruction.value, variables)
        return folder / path

    def _walk(self) -> Iterator[tuple[Instruction, Mapping[str, str]]]:
        """Each instruction with the variables that ENV and ARG set before it; ENV wins."""
        arguments: dict[str, str] = {}
        environment = {"PATH": _PATH}
        for instruction in self.instructions:
            yield instruction, (variables := arguments | environment)
            if instruction.name == "ENV":
                environment |= _pairs(instruction.value, variables)
            elif instruction.name == "ARG" and "=" in instruction.value:
                arguments |= _pairs(instruction.value, variables)

    def _last(self, name: str) -> str | None:
        return next((i.value for i in reversed(self.instructions) if i.name == name), None)


def read_recipe(path: Path) -> Recipe:
    """Read a Dockerfile of one stage.

    Raises:
        BuildError: it is missing, broken or uses what the kit cannot build; the message names file and line.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BuildError(
            f"{path}: {error.strerror}. An agent's folder holds agent.py and a Dockerfile."
        ) from None
    parser = DockerfileParser(fileobj=io.BytesIO(text), env_replace=False)
    try:
        structure: list[dict[str, Any]] = [
            i for i in parser.structure if i["instruction"] != COMMENT_INSTRUCTION
        ]
    except UnicodeDecodeError:
        raise BuildError(f"{path}: not a text file in UTF-8") from None
    _check(path, text.decode(), structure)
    stages = [i for i in structure if i["instruction"] == "FROM"]
    if len(stages) != 1:
        line = stages[1]["startline"] + 1 if stages else 1
        mend = "the kit builds one stage: keep the last" if stages else "a Dockerfile begins with FROM"
        raise BuildError(f"{path}, line {line}: {len(stages)} FROM instructions; {mend}")
    instructions = tuple(
        Instruction(i["instruction"], i["value"].strip(), i["startline"] + 1)
        for i in structure[structure.index(stages[0]) + 1 :]
    )
    flags = [word for word in stages[0]["value"].split() if word.startswith("--platform=")]
    base = parser.baseimage
    if not base:
        raise BuildError(f"{path}, line {stages[0]['startline'] + 1}: FROM names no image")
    recipe = Recipe(base, flags[0].partition("=")[2] if flags else None, instructions)
    _check_values(path, recipe)
    return recipe


def _check(path: Path, text: str, structure: list[dict[str, Any]]) -> None:
    """Refuse what the parsing library passes over in silence."""
    covered = {line for i in structure for line in range(i["startline"], i["endline"] + 1)}
    for number, line in enumerate(text.splitlines()):
        word = line.strip().partition(" ")[0]
        if word and not word.startswith("#") and number not in covered:
            raise BuildError(f"{path}, line {number + 1}: {word} is no instruction, or has no arguments")
    for i in structure:
        where = f"{path}, line {i['startline'] + 1}"
        if i["instruction"] not in INSTRUCTIONS:
            raise BuildError(f"{where}: unknown instruction {i['instruction']}")
        if not i["value"].strip():
            raise BuildError(f"{where}: {i['instruction']} has no arguments")
        if i["instruction"] in ("RUN", "COPY", "ADD") and _HEREDOC.search(i["value"]):
            raise BuildError(
                f"{where}: here-documents (<<) are not supported; write the lines into a file and COPY it"
            )


def _check_values(path: Path, recipe: Recipe) -> None:
    """Refuse values that make no sense, each with its line."""
    for instruction, variables in recipe._walk():  # noqa: SLF001 - the other half of its reader
        where = f"{path}, line {instruction.line}: {instruction.name}"
        if instruction.name in _EXEC_FORMS and instruction.value.startswith("["):
            try:
                _arguments(instruction.value)
            except ValueError:
                mend = 'use double quotes: ["a", "b"]'
                raise BuildError(f"{where} {instruction.value} is not a JSON list ({mend})") from None
        if instruction.name in ("ENV", "LABEL"):
            try:
                _pairs(instruction.value, variables)
            except ValueError as error:
                raise BuildError(f"{where}: {error}") from None
        if instruction.name in ("COPY", "ADD"):
            words = [w for w in _words(instruction.value, variables) if not w.startswith("--")]
            if len(words) < 2:
                raise BuildError(f"{where} needs a source and a destination")


def _arguments(value: str) -> tuple[str, ...]:
    """The exec form as it is, the shell form through a shell. Raises ValueError."""
    if not value.startswith("["):
        return ("/bin/sh", "-c", value)
    words = json.loads(value)
    if not all(isinstance(word, str) for word in words):
        raise ValueError("not a list of strings")
    return tuple(words)


def _words(value: str, variables: Mapping[str, str]) -> list[str]:
    if value.startswith("["):
        return [_expand(word, variables) for word in json.loads(value)]
    return list(WordSplitter(_defaults(value, variables), args={}, envs=variables).split())


def _expand(value: str, variables: Mapping[str, str]) -> str:
    return str(WordSplitter(_defaults(value, variables), args={}, envs=variables).dequote())


def _substitute(value: str, variables: Mapping[str, str]) -> str:
    """Replace variables and keep the quotes."""
    return " ".join(WordSplitter(_defaults(value, variables), args={}, envs=variables).split(dequote=False))


def _pairs(value: str, variables: Mapping[str, str]) -> dict[str, str]:
    pairs: dict[str, str] = get_key_val_dictionary(
        _defaults(value, variables), env_replace=True, envs=dict(variables)
    )
    return pairs


def _defaults(value: str, variables: Mapping[str, str]) -> str:
    """Replace ``${NAME:-default}``, which the parsing library does not know."""
    return _WITH_DEFAULT.sub(lambda found: variables.get(found[1]) or found[2], value)
