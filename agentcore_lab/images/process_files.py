"""COPY without a container engine: an agent's files gathered as they would lie in the image."""

from __future__ import annotations

import hashlib
import posixpath
import shutil
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from agentcore_lab.images.context import placed, source_files
from agentcore_lab.images.dockerfile import BuildError, Recipe

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def gather(folder: Path, recipe: Recipe, tree: Path) -> None:
    """Put the files that ``recipe`` copies from ``folder`` into ``tree``, which stands for ``/``.

    Raises:
        BuildError: a source is not there, or ADD is asked for what only a container engine does.
    """
    _check(folder, recipe)
    for place, source in placed(folder, recipe).items():
        target = tree / posixpath.normpath(place).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def tree_digest(tree: Path) -> str:
    """One digest of all names, contents, links and executable bits below ``tree``; times do not matter."""
    digest = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_symlink():
            entry = ("link", str(path.readlink()))
        elif path.is_dir():
            entry = ("folder", "")
        else:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            entry = ("program" if path.stat().st_mode & 0o100 else "file", content)
        digest.update(repr((name, *entry)).encode())
    return digest.hexdigest()


def _check(folder: Path, recipe: Recipe) -> None:
    """Refuse what a container engine would refuse, or would do and this cannot."""
    files = [PurePosixPath(name) for name in source_files(folder)]
    adds = {instruction.line for instruction in recipe.instructions if instruction.name == "ADD"}
    for copy in recipe.copies:
        where = f"{folder / 'Dockerfile'}, line {copy.line}"
        for pattern in copy.sources:
            if copy.line in adds and ("://" in pattern or pattern.endswith(_ARCHIVES)):
                raise BuildError(
                    f"{where}: ADD {pattern} needs a container engine; unpack it here and COPY it"
                )
            parts = PurePosixPath(pattern.lstrip("/")).parts
            if not any(fnmatchcase("/".join(file.parts[: len(parts)]), "/".join(parts)) for file in files):
                raise BuildError(f"{where}: {pattern} is not in {folder}, or .dockerignore leaves it out")
