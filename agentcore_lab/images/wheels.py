"""Python packages for linux/arm64, resolved and unpacked on the host; nothing of them runs here."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import uv

from agentcore_lab.images.bytecode import compile_tree
from agentcore_lab.images.context import anonymous
from agentcore_lab.images.dockerfile import BuildError

if TYPE_CHECKING:
    from agentcore_lab.images.bytecode import Python
    from agentcore_lab.images.pip_install import PipInstall

# Wheels may ask for a C library up to this one: Debian bookworm's, the oldest the lab's bases come with.
PLATFORM = "aarch64-manylinux_2_36"
_NOISE = re.compile(r"^\s*(Using (C?Python|PyPy)|warning: |Resolved |Prepared |DEBUG)")


def packages_key(install: PipInstall, files: dict[str, Path], version: str, python: Python | None) -> str:
    """A short name for what ``unpack_packages`` makes of these arguments."""
    digest = hashlib.sha256(f"2 {PLATFORM} {version} {python is not None} {install}".encode())
    for name in (*install.files, *install.constraints):
        digest.update(files[name].read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def unpack_packages(
    install: PipInstall, files: dict[str, Path], version: str, python: Python | None, work: Path
) -> Path:
    """Resolve for Python ``version`` on ARM64 and lay the packages out as they go into the image's ``/``.

    ``files`` finds the requirement and constraint files that ``install`` names; ``python`` compiles them, if there
    is one. Returns a tar under ``work``.

    Raises:
        BuildError: they cannot be resolved, or a package has no wheel for ARM64.
    """
    root = work / "root"
    site = root / "usr/local/lib" / f"python{version}" / "site-packages"
    site.mkdir(parents=True)
    _resolve(install, files, version, site)
    _move_programs(site / "bin", root / "usr/local/bin")
    if python is not None:
        compile_tree(python, site, PurePosixPath("/") / site.relative_to(root))
    tar = work / "packages.tar"
    with tarfile.open(tar, "w") as packed:
        packed.add(root / "usr", arcname="usr", filter=anonymous)
    return tar


def _resolve(install: PipInstall, files: dict[str, Path], version: str, site: Path) -> None:
    command = [
        uv.find_uv_bin(),
        "pip",
        "install",
        "--target",
        str(site),
        "--link-mode",
        "copy",
        "--no-progress",
    ]
    command += ["--python", sys.executable, "--python-platform", PLATFORM, "--python-version", version]
    command += ["--only-binary", ":all:", "--color", "never", *install.options]
    for name in install.files:
        command += ["--requirement", str(files[name])]
    for name in install.constraints:
        command += ["--constraint", str(files[name])]
    done = subprocess.run([*command, *install.packages], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(_explain(done.stderr, version))


def _explain(output: str, version: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip() and not _NOISE.match(line)]
    text = "\n".join(lines[-12:])
    if "wheel" in text or "building from source" in text:
        mend = (
            "Choose a version that publishes a wheel for ARM64 Linux (manylinux aarch64), or another package."
        )
    elif "connect" in text.lower() or "dns" in text.lower():
        mend = "Check the network, or the package index that uv is set up with."
    else:
        mend = "Mend the requirements, then build again."
    return f"the packages cannot be resolved for Python {version} on ARM64 Linux. {mend}\n{text}"


def _move_programs(source: Path, target: Path) -> None:
    """Put console scripts on the image's PATH and let them start the image's Python instead of the host's."""
    (source.parent / ".lock").unlink(missing_ok=True)
    if not source.is_dir():
        return
    target.mkdir(parents=True)
    for program in sorted(source.iterdir()):
        content = program.read_bytes()
        if content.startswith(b"#!"):
            first, _, rest = content.partition(b"\n")
            if b"python" in first:
                content = b"#!/usr/local/bin/python\n" + rest
        (target / program.name).write_bytes(content)
        (target / program.name).chmod(0o755)
    shutil.rmtree(source)
