"""Storage of process sandboxes: a folder each, which lasts as long as it is wanted, and the way to it from inside.

storage/<owner>/<id>/               the files
sandboxes/<id>/root/<mount path>    a link to them, for as long as the sandbox lasts
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from agentcore_lab.sandbox.base import Mount, SandboxError
from agentcore_lab.sandbox.process_records import plain, remove_tree


@dataclass(frozen=True, slots=True)
class StorageFolders:
    """The storages of one owner under ``folder``. Its methods block."""

    folder: Path

    def mount(self, mount: Mount, root: Path) -> None:
        """Let ``mount`` be found at its path under ``root``, a sandbox's own copy of its image's files.

        Raises:
            SandboxError: the image has a link there that leads out of its files.
        """
        files = self._files(mount.storage_id)
        files.mkdir(parents=True, exist_ok=True, mode=0o700)
        link = root / mount.path.strip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.parent.resolve().is_relative_to(root.resolve()):
            raise SandboxError(
                f"the image's {mount.path} leads out of the image: nothing can be mounted there"
            )
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)
        else:
            link.unlink(missing_ok=True)
        link.symlink_to(files.resolve(), target_is_directory=True)

    def ids(self) -> list[str]:
        """Every storage there is."""
        return sorted(entry.name for entry in self.folder.iterdir()) if self.folder.exists() else []

    def size(self, storage_id: str) -> int | None:
        """The bytes its files hold; links are not followed."""
        files = self._files(storage_id)
        if not files.exists():
            return None
        return sum(_size(Path(folder) / name) for folder, _, names in os.walk(files) for name in names)

    def remove(self, storage_id: str) -> None:
        """Remove one with all that is in it."""
        remove_tree(self._files(storage_id))

    def _files(self, storage_id: str) -> Path:
        return self.folder / plain(storage_id)


def _size(file: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # an agent works on
        return file.lstat().st_size
    return 0
