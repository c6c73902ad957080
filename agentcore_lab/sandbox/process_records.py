"""What is on disk of each process sandbox, so that a later engine can tell whose it is and end it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.process_tree import Leader

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ADDRESS = re.compile(r"(127\.0\.0\.1|::1) (\d{1,5})\n")


@dataclass(frozen=True, slots=True)
class Record:
    """One sandbox as it was started; ``leader`` is None until its first process exists."""

    id: str
    owner: str
    port: int
    labels: Mapping[str, str]
    leader: Leader | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one sandbox: its private disk and what is known of it."""

    folder: Path

    @property
    def root(self) -> Path:
        """Its copy of the image's files."""
        return self.folder / "root"

    @property
    def home(self) -> Path:
        """Its HOME."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Its TMPDIR."""
        return self.folder / "tmp"

    @property
    def log(self) -> Path:
        """Its output."""
        return self.folder / "log"

    def mark(self, port: int) -> str:
        """The launcher's setting of this sandbox, and what its processes are known by."""
        return f"{port}:{self.folder / 'address'}"

    def address(self, port: int | None = None) -> str | None:
        """Where the launcher says that the agent listens, or what serves another ``port``."""
        found = _ADDRESS.fullmatch(_text(self.folder / ("address" if port is None else f"address.{port}")))
        if found is None:
            return None
        host, moved = found.groups()
        return f"http://[{host}]:{moved}" if ":" in host else f"http://{host}:{moved}"

    def write(self, record: Record) -> None:
        """Keep ``record``, whole or not at all."""
        fresh = self.folder / "record.new"
        fresh.write_text(json.dumps(asdict(record)))
        fresh.replace(self.folder / "record.json")

    def read(self) -> Record | None:
        """The record; None if there is no such sandbox."""
        text = _text(self.folder / "record.json")
        if not text:
            return None
        values: dict[str, Any] = json.loads(text)
        leader = values.pop("leader")
        return Record(**values, leader=Leader(**leader) if leader else None)

    def write_exit(self, code: int) -> None:
        """Keep how the first process ended, unless the sandbox is removed already."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "exit").write_text(str(code))

    def read_exit(self) -> int | None:
        """How the first process ended; None while it runs or if nobody saw it end."""
        text = _text(self.folder / "exit")
        return int(text) if text else None

    def remove(self) -> None:
        """Remove the folder and all in it, whatever modes the agent gave its own folders."""
        remove_tree(self.folder)


@dataclass(frozen=True, slots=True)
class Records:
    """All process sandboxes of a data directory."""

    folder: Path

    def place(self, sandbox_id: str) -> Place:
        """The folder for ``sandbox_id``, made or not. Raises SandboxError for an id that is no plain name."""
        return Place(self.folder / plain(sandbox_id))

    def all(self) -> Iterator[Record]:
        """Every sandbox on disk."""
        for folder in sorted(self.folder.iterdir()) if self.folder.exists() else ():
            record = Place(folder).read()
            if record is not None:
                yield record


def plain(name: str) -> str:
    """``name``, which is to be that of a folder. Raises SandboxError if it is no plain name."""
    if not _SAFE_ID.fullmatch(name):
        raise SandboxError(f"{name!r} is no sandbox id: use letters, digits, dots, dashes, underscores")
    return name


def remove_tree(top: Path) -> None:
    """Remove a folder and all in it, whatever modes an agent gave its own. Raises SandboxError."""
    try:
        with contextlib.suppress(PermissionError, FileNotFoundError):
            shutil.rmtree(top)
        for folder, _, _ in os.walk(top):
            Path(folder).chmod(0o700)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(top)
    except OSError as error:
        raise SandboxError(f"{top} could not be removed: {error}; remove it by hand") from error


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
