"""A zip as an agent's files: what is in it, with which permissions, and unpacking it so that nothing escapes."""

from __future__ import annotations

import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from agentcore_lab.codezip.code import Rejected

MAX_ZIPPED_BYTES = 250 * 1024 * 1024
"""AWS: bedrock-agentcore-limits, direct code deployment package, compressed."""
MAX_UNZIPPED_BYTES = 750 * 1024 * 1024
"""AWS: bedrock-agentcore-limits, direct code deployment package, uncompressed."""

_MADE_ON_UNIX = 3  # PKWARE's APPNOTE, "version made by"
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_CHUNK = 1024 * 1024


class Package:
    """An open zip; of members with the same name the last one counts, as for ``unzip -o``."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: Mapping[str, zipfile.ZipInfo] = {
            _name(member): member for member in archive.infolist()
        }

    @property
    def files(self) -> list[str]:
        """The paths of its files, in the zip's order."""
        return [name for name, member in self._members.items() if not member.is_dir()]

    def mode(self, name: str) -> int | None:
        """A file's permissions; None if there is no such file. A zip that knows none, as of Windows, gets 644."""
        member = self._members.get(name)
        return None if member is None or member.is_dir() else _mode(member)

    def start(self, name: str, length: int) -> bytes:
        """The first bytes of a file."""
        with self._archive.open(self._members[name]) as file:
            return file.read(length)

    def text(self, name: str) -> str:
        """A file as text; empty if there is none."""
        member = self._members.get(name)
        return "" if member is None else self._archive.read(member).decode(errors="replace")

    def unpack(self, folder: Path) -> None:
        """Lay the files out under ``folder``, which is empty.

        Permissions are the zip's, except that the owner may always read: the agent is somebody else.

        Raises:
            Rejected: it holds more than may be, whatever its directory says, or is damaged.
        """
        links = {name: member for name, member in self._members.items() if _is_link(member)}
        left = MAX_UNZIPPED_BYTES
        try:
            for name, member in self._members.items():
                if name not in links:
                    left -= self._unpack(member, folder / name, left)
            # Links come last, so that nothing is ever written through one.
            for name, member in links.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).symlink_to(self._target(name, member))
            for name in links:
                # One link after the other may lead further than each of them.
                if not (folder / name).resolve().is_relative_to(folder.resolve()):
                    raise _leads_out(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            OSError,
            EOFError,
        ) as error:
            raise Rejected(f"Your artifact could not be unpacked: {error}.") from None

    def _unpack(self, member: zipfile.ZipInfo, target: Path, left: int) -> int:
        """Write one file or folder; how many bytes it had, of the ``left`` it might have."""
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            target.chmod(_mode(member) | stat.S_IRWXU)
            return 0
        target.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with self._archive.open(member) as packed, target.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > left:
                    raise _too_large()
                file.write(chunk)
        target.chmod(_mode(member) | stat.S_IRUSR | stat.S_IWUSR)
        return written

    def _target(self, name: str, member: zipfile.ZipInfo) -> str:
        target = self._archive.read(member).decode(errors="replace")
        end = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        if target.startswith("/") or end == ".." or end.startswith("../"):
            raise _leads_out(f"{name} -> {target}")
        return target


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """The zip at ``path``.

    Raises:
        Rejected: it is none, names files outside of itself, or is larger than AWS allows.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise Rejected(
            f"Your artifact is not a valid ZIP file ({error}). Upload the .zip itself, not a folder or a .tar.gz."
        ) from None
    with archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNZIPPED_BYTES:
            raise _too_large()
        yield Package(archive)


def _name(member: zipfile.ZipInfo) -> str:
    """The member's path, relative and below the root. A backslash is part of a name, as it is on AWS."""
    parts = PurePosixPath(member.filename).parts
    if not parts or member.filename.startswith("/") or ".." in parts:
        raise _leads_out(member.filename)
    return "/".join(parts)


def _is_link(member: zipfile.ZipInfo) -> bool:
    return member.create_system == _MADE_ON_UNIX and stat.S_ISLNK(member.external_attr >> 16)


def _mode(member: zipfile.ZipInfo) -> int:
    if member.create_system == _MADE_ON_UNIX and member.external_attr >> 16:
        return (member.external_attr >> 16) & 0o777
    return _FOLDER_MODE if member.is_dir() else _FILE_MODE


def _leads_out(path: str) -> Rejected:
    return Rejected(f"Your artifact contains a path that leads out of it: '{path}'.")


def _too_large() -> Rejected:
    return Rejected(
        f"Your artifact exceeds the maximum uncompressed size of {MAX_UNZIPPED_BYTES // 1024**2} MB. Leave out what "
        "the agent does not import, or use a container image."
    )
