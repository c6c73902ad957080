"""Virtual environments for agents, made once with uv and shared by all images that ask for the same.

    venvs/<key>.current      the environment that requests with this key get
    venvs/<key>-<nonce>/     an environment; complete once it holds agentcore-lab.json

An environment cannot be moved (its scripts name its path), so it is made where it stays. It is used only once its
description is written, which is the last thing done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import uv

from agentcore_lab.sandbox.base import SandboxError

_LISTEN = Path(__file__).with_name("launcher") / "agentcore_lab_listen.py"
_DESCRIPTION = "agentcore-lab.json"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: its folder's name, the interpreter it was made from, what was installed, exactly."""

    name: str
    interpreter: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Something on disk that can be made again, and when it was last of use."""

    path: Path
    last_used: datetime


def modified(path: Path) -> datetime:
    """When a file was written or a folder changed."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment is for: the interpreter, and the argument lists for ``uv pip install``.

    Arguments are relative to ``folder``; ``fingerprint`` stands for the content of the files they name.
    """

    interpreter: str
    installs: tuple[tuple[str, ...], ...]
    folder: Path
    fingerprint: str

    @property
    def key(self) -> str:
        """Equal for equal wishes; the launcher's text is part of it, as it lies in the environment."""
        parts = (self.interpreter, sys.version, self.installs, self.fingerprint, _LISTEN.read_text())
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Environments:
    """The environments under ``folder``. Its methods block; several processes may use it at once."""

    folder: Path

    def bin(self, environment: Environment) -> Path:
        """Where the environment's programs are."""
        return self.folder / environment.name / "bin"

    def ensure(
        self, wanted: Wanted, *, fresh: bool = False, on_make: Callable[[], None]
    ) -> tuple[Environment, bool]:
        """The environment for ``wanted`` and whether it was there; ``on_make`` is called before it is made.

        Raises:
            SandboxError: packages cannot be had; the message holds what uv said.
        """
        with self._locked(wanted.key):
            current = self.folder / f"{wanted.key}.current"
            name = current.read_text() if current.exists() else ""
            found = None if fresh or not name else self._read(name)
            if found is not None:
                self._note_use(name)
                return found, True
            on_make()
            made = self._make(f"{wanted.key}-{secrets.token_hex(4)}", wanted)
            pointer = current.with_suffix(".new")
            pointer.write_text(made.name)
            pointer.replace(current)
            return made, False

    def restore(self, environment: Environment) -> None:
        """Make sure that ``environment`` is there, exactly as it was; the cache may have been emptied since."""
        if self._read(environment.name) is not None:
            self._note_use(environment.name)
            return
        with self._locked(environment.name), tempfile.TemporaryDirectory() as folder:
            if self._read(environment.name) is None:
                frozen = Path(folder) / "requirements.txt"
                frozen.write_text("\n".join(environment.packages))
                installs = (("--no-deps", "-r", str(frozen)),) if environment.packages else ()
                self._make(environment.name, Wanted(environment.interpreter, installs, Path(folder), ""))

    def all(self) -> list[Kept]:
        """Every environment there is, complete or not."""
        homes = [home for home in self.folder.glob("*-*") if home.is_dir()]
        return [Kept(home, self._last_used(home)) for home in homes]

    def remove(self, name: str, last_used: datetime) -> bool:
        """Remove an environment unless it has been of use since ``last_used``; whether it was removed."""
        home = self.folder / name
        with self._locked(name.partition("-")[0]), self._locked(name):
            if not home.is_dir() or self._last_used(home) > last_used:
                return False
            current = self.folder / f"{name.partition('-')[0]}.current"
            if current.exists() and current.read_text() == name:
                current.unlink()
            shutil.rmtree(home, ignore_errors=True)
        return True

    def _note_use(self, name: str) -> None:
        os.utime(self.folder / name / _DESCRIPTION)

    @staticmethod
    def _last_used(home: Path) -> datetime:
        description = home / _DESCRIPTION
        return modified(description if description.exists() else home)

    def _read(self, name: str) -> Environment | None:
        """The environment of this name, if it is complete and its interpreter is still there."""
        home = self.folder / name
        try:
            values = json.loads((home / _DESCRIPTION).read_text())
        except FileNotFoundError:
            return None
        if not (home / "bin" / "python").exists():
            return None
        return Environment(**values | {"packages": tuple(values["packages"])})

    def _make(self, name: str, wanted: Wanted) -> Environment:
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        python = home / "bin" / "python"
        try:
            _uv("venv", "--no-project", "--python", wanted.interpreter, str(home), folder=wanted.folder)
            install = ("pip", "install", "--compile-bytecode", "--python", str(python))
            for arguments in wanted.installs:
                _uv(*install, *arguments, folder=wanted.folder)
            frozen = (
                _uv("pip", "freeze", "--python", str(python), folder=wanted.folder) if wanted.installs else ""
            )
            _add_launcher(home)
            made = Environment(name, wanted.interpreter, tuple(frozen.splitlines()))
            (home / _DESCRIPTION).write_text(json.dumps(asdict(made)))
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        return made

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def find_interpreter(version: str | None) -> str:
    """The Python of this ``version`` (``3.12``) on this machine, or the engine's own if there is none."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version is None or version == own:
        return sys.executable
    try:
        return _uv(
            "python", "find", "--no-project", "--no-python-downloads", version, folder=Path("/")
        ).strip()
    except SandboxError:
        return sys.executable


def _add_launcher(home: Path) -> None:
    packages = next(home.glob("lib/python*/site-packages"))
    shutil.copy(_LISTEN, packages)
    (packages / f"{_LISTEN.stem}.pth").write_text(f"import {_LISTEN.stem}; {_LISTEN.stem}.install()\n")


def _uv(*arguments: str, folder: Path) -> str:
    # A Jupyter kernel tells programs to colour what they write, and what is frozen is read again.
    command = [uv.find_uv_bin(), "--quiet", "--color", "never", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(done.stderr.strip() or f"uv {arguments[0]} failed with {done.returncode}")
    return done.stdout
