"""Building an agent for the process sandbox: its files as a snapshot, its packages as a virtual environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agentcore_lab.clock import stopwatch
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.context import placed
from agentcore_lab.images.dockerfile import BuildError, Recipe, read_recipe
from agentcore_lab.images.process_files import gather, tree_digest
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.process_store import Manifest, ProcessStore, host_architecture
from agentcore_lab.sandbox.process_venv import Environment, Environments, Wanted, find_interpreter

_NESTED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]\s*(\S+)")
_LOCAL = re.compile(r"^\s*(?:\.|/|file:|--find-links|-f\b|[\w.\[\],-]+\s*@\s*(?:\.|/|file:))")
_EDITABLE = re.compile(r"^\s*(?:-e\b|--editable\b)")


@dataclass(frozen=True, slots=True)
class ProcessBuilder:
    """Makes images that ``ProcessBackend`` starts; what a RUN does besides installing packages is left out."""

    store: ProcessStore
    cache_dir: Path

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:
        """Build ``folder`` and let ``uri`` name it. Raises BuildError."""
        began = stopwatch()
        recipe = read_recipe(folder / "Dockerfile")
        if not recipe.command:
            raise BuildError(f'{folder / "Dockerfile"}: no CMD; end it with CMD ["python", "agent.py"]')
        on_step(Step(1, 3, "copying the source"))
        with self.store.scratch() as tree:
            gather(folder, recipe, tree)
            _check_order(folder, recipe)
            digest = tree_digest(tree)
            environment, reused = self._environment(recipe, tree, digest, on_step, fresh=fresh)
            on_step(Step(3, 3, _last_step(recipe, uri)))
            manifest = Manifest(
                command=recipe.command,
                environment=recipe.environment,
                workdir=recipe.workdir,
                ports=recipe.ports,
                python=environment,
                tree=digest,
            )
            added = self.store.add(tree, manifest)
        self.store.tag(uri, manifest.digest)
        return Built(uri, manifest.digest, host_architecture(), stopwatch() - began, reused and not added)

    def _environment(
        self, recipe: Recipe, tree: Path, digest: str, on_step: Callable[[Step], None], *, fresh: bool
    ) -> tuple[Environment, bool]:
        wanted = Wanted(
            interpreter=find_interpreter(recipe.python_version),
            installs=tuple(_installs(recipe)),
            folder=tree,
            fingerprint=_fingerprint(recipe, tree, digest),
        )
        installs = [install for _, install in recipe.pip_installs]
        names = ", ".join(name for install in installs for name in (*install.files, *install.packages))
        words = f"installing {names} into a virtual environment" if names else "making a virtual environment"
        try:
            return Environments(self.cache_dir / "venvs").ensure(
                wanted, fresh=fresh, on_make=lambda: on_step(Step(2, 3, words))
            )
        except SandboxError as error:
            raise BuildError(f"the packages could not be installed: {error}") from error


def _installs(recipe: Recipe) -> Iterator[tuple[str, ...]]:
    """One list of arguments for ``uv pip install`` a RUN, its files relative to the image's ``/``."""
    for instruction, install in recipe.pip_installs:
        arguments = [*install.options]
        for option, names in (("-r", install.files), ("-c", install.constraints)):
            for name in names:
                arguments += [option, str(recipe.place(name, instruction.line)).lstrip("/")]
        yield (*arguments, *install.packages)


def _check_order(folder: Path, recipe: Recipe) -> None:
    """Refuse a RUN that installs from a file which only a later COPY brings, as a container engine would."""
    for run, install in recipe.pip_installs:
        before = replace(recipe, instructions=tuple(i for i in recipe.instructions if i.line < run.line))
        there = placed(folder, before)
        for name in (*install.files, *install.constraints):
            if recipe.place(name, run.line) not in there:
                where = f"{folder / 'Dockerfile'}, line {run.line}"
                raise BuildError(f"{where}: {name} is not in the image yet; COPY it before")


def _fingerprint(recipe: Recipe, tree: Path, digest: str) -> str:
    """What the requirements files say; all the image's files if one of them installs from those."""
    texts: list[str] = []
    todo = [
        recipe.place(name, instruction.line)
        for instruction, install in recipe.pip_installs
        for name in (*install.files, *install.constraints)
    ]
    for place in todo:
        path = tree / str(place).lstrip("/")
        if not path.is_file():
            raise BuildError(
                f"{place} is named by a requirements file and is not in the image; COPY it before"
            )
        lines = path.read_text().splitlines()
        if any(_EDITABLE.match(line) for line in lines):
            raise BuildError(
                f"{place}: editable installs have no place in an image; name the folder without -e"
            )
        texts += lines
        texts += [digest] if any(_LOCAL.match(line) for line in lines) else []
        nested = (match[1] for line in lines if (match := _NESTED.match(line)))
        todo += [found for name in nested if (found := place.parent / name) not in todo]
    return "\n".join(texts)


def _last_step(recipe: Recipe, uri: str) -> str:
    packages = {instruction.line for instruction, _ in recipe.pip_installs}
    left_out = [i for i in recipe.instructions if i.name == "RUN" and i.line not in packages]
    if not left_out:
        return f"naming the image {uri}"
    runs = "; ".join(i.value for i in left_out)
    return f"naming the image {uri}, without what the process sandbox cannot do: RUN {runs}"
