"""Building an agent's Dockerfile for linux/arm64 in the local container engine, without emulation.

What pip would install is resolved on the host and copied in as a layer of its own; COPY and the settings need no
processor; only other RUN instructions are left for the engine to run under QEMU.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import DockerException
from requests.exceptions import RequestException

from agentcore_lab.clock import stopwatch
from agentcore_lab.images.base import Base, BaseFinder
from agentcore_lab.images.bases import Bases
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.context import content_key, pack, placed, source_files
from agentcore_lab.images.debian import compiler
from agentcore_lab.images.dockerfile import BuildError, Instruction, Recipe, read_recipe
from agentcore_lab.images.engine import archive_context, inspect_image, note_use, run_build
from agentcore_lab.images.wheels import packages_key, unpack_packages
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect
from agentcore_lab.sandbox.docker_probe import MEND

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

    from agentcore_lab.images.pip_install import PipInstall

CONTENT_LABEL = "agentcore-lab.content"
_STEP = re.compile(r"^Step (\d+)/\d+ : (.*)")
_DOCKERFILE = "Dockerfile"
_GENERATED = ".agentcore-lab.Dockerfile"


class DockerBuilder:
    """Builds agents' folders into images of the local container engine."""

    def __init__(
        self, cache_dir: Path, client: DockerClient | None = None, bases: Bases | None = None
    ) -> None:
        self._cache_dir = cache_dir
        self._client = client
        self._bases = bases or Bases()

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:
        """See ``agentcore_lab.images.build.Builder``."""
        began = stopwatch()
        recipe = read_recipe(folder / _DOCKERFILE)
        row = self._bases.instead_of(recipe.base)
        key = f"{content_key(folder)} {row.use}" if row is not None and row.own else content_key(folder)
        client = self._client or _connect()
        try:
            if not fresh and self._is_current(client, uri, key):
                on_step(Step(1, 1, "nothing changed since the last build"))
                return self._built(client, uri, began, reused=True)
            finder = BaseFinder(client, self._cache_dir, self._bases)
            _Build(client, finder, self._cache_dir, folder, recipe, on_step, fresh=fresh).run(uri, key)
            return self._built(client, uri, began, reused=False)
        except (DockerException, RequestException) as error:
            raise BuildError(f"the container engine refused: {error}") from None
        finally:
            if self._client is None:
                client.close()

    @staticmethod
    def _is_current(client: DockerClient, uri: str, key: str) -> bool:
        attributes = inspect_image(client, uri)
        return attributes is not None and (attributes["Config"].get("Labels") or {}).get(CONTENT_LABEL) == key

    @staticmethod
    def _built(client: DockerClient, uri: str, began: float, *, reused: bool) -> Built:
        attributes = inspect_image(client, uri)
        if attributes is None:
            raise BuildError(f"{uri} was removed as soon as it was built: build again")
        seconds = stopwatch() - began
        return Built(
            uri, attributes["Id"], attributes["Architecture"], seconds, reused, size=attributes["Size"]
        )


class _Build:
    """One build under way."""

    def __init__(
        self,
        client: DockerClient,
        finder: BaseFinder,
        cache_dir: Path,
        folder: Path,
        recipe: Recipe,
        on_step: Callable[[Step], None],
        *,
        fresh: bool,
    ) -> None:
        self._client = client
        self._finder = finder
        self._cache_dir = cache_dir
        self._folder = folder
        self._recipe = recipe
        self._on_step = on_step
        self._fresh = fresh
        self._number = 0
        self._at: Instruction | None = None
        # One for the base, one for each RUN wherever it is done, one for the assembling.
        self._total = 2 + sum(i.name == "RUN" for i in recipe.instructions)

    def run(self, uri: str, key: str) -> None:
        """Make the image and name it ``uri``."""
        self._step("preparing the base image")
        base = self._finder.find(self._recipe, self._same_step, fresh=self._fresh)
        lines = self._translated(base)
        self._step("assembling the image")
        # Under names no source has, and ignored, so that COPY . . takes what it would take elsewhere.
        generated = {_GENERATED: "\n".join(lines) + "\n", ".dockerignore": f".dockerignore\n{_GENERATED}\n"}
        context = pack(self._folder, source_files(self._folder), generated)
        labels = {CONTENT_LABEL: key}
        try:
            run_build(
                self._client,
                context,
                uri,
                dockerfile=_GENERATED,
                labels=labels,
                on_line=self._hear,
                fresh=self._fresh,
            )
        except BuildError as error:
            raise BuildError(f"{self._where(self._at)}: {error}{_without_apt(base, error)}") from None

    def _translated(self, base: Base) -> list[str]:
        """The recipe's Dockerfile with the base at hand, and packages copied instead of installed."""
        installs = dict(self._recipe.pip_installs) if base.python else {}
        lines = [f"FROM {base.reference}"]
        for instruction in self._recipe.instructions:
            install = installs.get(instruction)
            if install is not None and base.python is not None:
                packages = self._packages(instruction, install, base.python)
                lines.append(f"COPY --from={packages} / /")
            else:
                lines.append(f"{instruction.name} {instruction.value}")
        return lines

    def _packages(self, instruction: Instruction, install: PipInstall, version: str) -> str:
        """The image that holds what ``install`` asks for and nothing else."""
        places = placed(self._folder, self._recipe)
        files = {}
        for name in (*install.files, *install.constraints):
            place = self._recipe.place(name, instruction.line)
            if place not in places:
                raise BuildError(
                    f"{self._where(instruction)}: {name} is not in the image at {place}; COPY it before"
                )
            files[name] = places[place]
        self._step("resolving wheels for aarch64")
        python = compiler(version, self._cache_dir)
        name = f"agentcore-lab/packages:{packages_key(install, files, version, python)}"
        if not self._fresh and inspect_image(self._client, name) is not None:
            note_use(self._client, name)
            return name
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache_dir) as work:
            packed = unpack_packages(install, files, version, python, Path(work))
            with archive_context(packed, "FROM scratch\nADD content.tar /\n") as context:
                run_build(self._client, context, name)
        return name

    def _hear(self, line: str) -> None:
        """Follow the engine: its first step is FROM, then one for each instruction, then the labels."""
        if (found := _STEP.match(line)) is None:
            return
        index = int(found.group(1)) - 2
        self._at = self._recipe.instructions[index] if 0 <= index < len(self._recipe.instructions) else None
        if found.group(2).startswith("RUN "):
            self._step(f"running under emulation, which is slow: {found.group(2).removeprefix('RUN ')}")

    def _where(self, instruction: Instruction | None) -> str:
        file = str(self._folder / _DOCKERFILE)
        return f"{file}, line {instruction.line}" if instruction else file

    def _step(self, text: str) -> None:
        self._number += 1
        self._same_step(text)

    def _same_step(self, text: str) -> None:
        self._on_step(Step(self._number, self._total, text))


def _without_apt(base: Base, error: BuildError) -> str:
    """Why a command that the official image has is not found."""
    if base.made and "not found" in str(error):
        return (
            "\nNo image registry could be reached, so the base was made from Debian packages: it has Python and a "
            "shell, but no pip, apt-get or compiler. Packages that `pip install` alone on a RUN line names are fine."
        )
    return ""


def _connect() -> DockerClient:
    try:
        return connect()
    except EngineUnreachable as error:
        raise BuildError(f"no container engine answers ({error}): {MEND}") from None
