"""Code artifacts for the process sandbox: the zip's files, run by this machine's own Python of the language's version.

A zip that AgentCore accepts has binaries for ARM64 Linux alone. On another machine each package with binaries is left
out of the files and installed in the virtual environment instead: the same version of it, for this machine.
"""

from __future__ import annotations

import csv
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

import uv

from agentcore_lab.codezip.code import Code
from agentcore_lab.codezip.languages import TASK_ROOT, Language
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.images.process_files import tree_digest
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.process_store import Manifest, ProcessStore, host_architecture
from agentcore_lab.sandbox.process_venv import Environment, Environments, Wanted

_DOWNLOAD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class ProcessCodeBuilder:
    """Makes images that ``ProcessBackend`` starts."""

    store: ProcessStore
    cache_dir: Path

    @property
    def architecture(self) -> str:
        """This machine's."""
        return host_architecture()

    def build(self, code: Code, folder: Path) -> None:
        """See ``agentcore_lab.images.code_builder.CodeBuilder``."""
        if code.language.kind == "node":
            raise BuildError(
                f"{code.language.name} needs containers: the process sandbox runs Python alone. Use --sandbox docker."
            )
        foreign = [] if _is_linux_arm64() else sorted(_take_out_foreign(folder))
        environment = self._environment(interpreter(code.language), foreign, folder)
        with self.store.scratch() as tree:
            shutil.copytree(folder, tree / TASK_ROOT.lstrip("/"), symlinks=True)
            manifest = Manifest(
                command=code.command,
                environment=code.environment,
                workdir=TASK_ROOT,
                ports=(),
                python=environment,
                tree=tree_digest(tree),
            )
            self.store.add(tree, manifest)
        self.store.tag(code.reference, manifest.digest)

    def remove(self, reference: str) -> None:
        """See ``agentcore_lab.images.code_builder.CodeBuilder``."""
        self.store.remove(reference)

    def _environment(self, python: str, packages: list[str], folder: Path) -> Environment:
        installs = (("--no-deps", *packages),) if packages else ()
        wanted = Wanted(python, installs, folder, "")
        try:
            return Environments(self.cache_dir / "venvs").ensure(wanted, on_make=lambda: None)[0]
        except SandboxError as error:
            raise BuildError(
                f"packages of the ZIP have binaries for ARM64 Linux, and they cannot be had for this machine: {error}"
            ) from error


def interpreter(language: Language) -> str:
    """A Python of exactly the language's version: this machine's, else one that uv can download.

    Raises:
        BuildError: there is none; the message names the mend.
    """
    if f"{sys.version_info.major}.{sys.version_info.minor}" == language.version:
        return sys.executable
    if found := _uv_python("find", "--no-project", "--no-python-downloads", language.version):
        return found
    _uv_python("install", language.version)
    if found := _uv_python("find", "--no-project", "--no-python-downloads", language.version):
        return found
    raise BuildError(
        f"There is no Python {language.version} on this machine for {language.name}, and uv cannot download one. "
        f"Install it (uv python install {language.version}), use PYTHON_{sys.version_info.major}_"
        f"{sys.version_info.minor}, or run the engine with --sandbox docker."
    )


def _uv_python(*arguments: str) -> str:
    command = [uv.find_uv_bin(), "--quiet", "python", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _is_linux_arm64() -> bool:
    return sys.platform == "linux" and platform.machine() == "aarch64"


def _take_out_foreign(folder: Path) -> Iterator[str]:
    """Remove the packages with binaries from ``folder``; each as ``name==version``."""
    for about in list(folder.glob("*.dist-info")):
        headers = HeaderParser()
        wheel = headers.parsestr(_text(about / "WHEEL"))
        if all(tag.endswith("-any") for tag in wheel.get_all("Tag", [])):
            continue
        metadata = headers.parsestr(_text(about / "METADATA"))
        yield f"{metadata['Name']}=={metadata['Version']}"
        for name, *_ in csv.reader(_text(about / "RECORD").splitlines()):
            path = folder / name
            if path.resolve().is_relative_to(folder.resolve()):
                path.unlink(missing_ok=True)
        shutil.rmtree(about, ignore_errors=True)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
