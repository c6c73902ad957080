"""Bytecode for the image, compiled on the host: it belongs to a Python version and not to a processor.

Under emulation importing the SDK without it takes three times as long.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from pathlib import PurePosixPath


@cache
def interpreter(version: str) -> Path | None:
    """A CPython of the host whose bytecode a Python ``version`` (``3.11``) can load; None if there is none."""
    find = [uv.find_uv_bin(), "python", "find", "--no-python-downloads", "--no-project", version]
    found = subprocess.run(find, capture_output=True, text=True, check=False)
    candidates = (sys.executable, found.stdout.strip(), shutil.which(f"python{version}"))
    tag = f"cpython-{version.replace('.', '')}"
    return next((Path(path) for path in candidates if path and _cache_tag(path) == tag), None)


def compile_tree(python: Path, tree: Path, inside: PurePosixPath) -> None:
    """Compile every module under ``tree``, which the image will hold as ``inside``.

    The result is never checked against its source, which saves the image a look at every file. Modules that do
    not compile, as some packages keep for other versions of Python, are left as they are.
    """
    options = [
        "-q",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(tree),
        "-p",
        str(inside),
    ]
    subprocess.run([python, "-I", "-m", "compileall", *options, tree], capture_output=True, check=False)


def _cache_tag(python: str) -> str:
    ask = [python, "-I", "-c", "import sys; print(sys.implementation.cache_tag)"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
