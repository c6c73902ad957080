"""The source folder as a build sees it: which files there are, where they go, and whether they changed."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from docker.utils.build import PatternMatcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentcore_lab.images.dockerfile import Copy, Recipe

# Raised whenever the same folder would make another image, so that no image of an older kit is taken for a new one.
FORMAT = 1


def source_files(folder: Path) -> tuple[str, ...]:
    """The files a build may copy, relative to ``folder``, sorted; ``.dockerignore`` is honoured and left out."""
    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # The matcher itself never leaves out .dockerignore, which the engine would need to leave it out.
    paths = (folder / path for path in PatternMatcher(patterns).walk(str(folder)) if path != ".dockerignore")
    files = (path for path in paths if path.is_symlink() or path.is_file())
    return tuple(sorted(path.relative_to(folder).as_posix() for path in files))


def placed(folder: Path, recipe: Recipe) -> dict[PurePosixPath, Path]:
    """Where each file of ``folder`` is found in the image, as COPY and ADD put it there."""
    files = source_files(folder)
    places: dict[PurePosixPath, Path] = {}
    for copy in recipe.copies:
        places |= {place: folder / name for place, name in _copied(files, copy)}
    return places


def content_key(folder: Path) -> str:
    """A short name for all that makes the image: the Dockerfile and every source file, by content and mode."""
    digest = hashlib.sha256(f"agentcore-lab image {FORMAT}".encode())
    for name in sorted({*source_files(folder), "Dockerfile"}):
        path = folder / name
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"\0{name}\0{_mode(path):o}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def pack(folder: Path, names: Iterable[str], generated: Mapping[str, str]) -> io.BytesIO:
    """A tar of ``names`` and of ``generated`` files; the same content makes the same tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in names:
            tar.add(folder / name, arcname=name, recursive=False, filter=anonymous)
        for name, text in generated.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    packed.seek(0)
    return packed


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """``member`` without what differs between machines: owner and time."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    return member


def _copied(files: tuple[str, ...], copy: Copy) -> Iterable[tuple[PurePosixPath, str]]:
    for pattern in copy.sources:
        source = PurePosixPath(pattern.lstrip("/"))
        depth = len(source.parts)
        for name in files:
            path = PurePosixPath(name)
            if not fnmatchcase("/".join(path.parts[:depth]), str(source) if depth else ""):
                continue
            if len(path.parts) > depth:  # the source is a folder: what is in it is copied, not itself
                yield copy.destination.joinpath(*path.parts[depth:]), name
            elif copy.into_folder:
                yield copy.destination / path.name, name
            else:
                yield copy.destination, name


def _mode(path: Path) -> int:
    """Whether it may be executed; the rest of a mode depends on the machine."""
    return stat.S_IMODE(path.lstat().st_mode) & 0o111
