"""Bytecode for the image, compiled on the host: it belongs to a Python version and not to a processor.

Under emulation importing the SDK without it takes three times as long.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath


# How to start a Python of the host: a program and its first arguments.
Python = tuple[str, ...]


@cache
def installed_python(version: str) -> Python | None:
    """A CPython of the host whose bytecode a Python ``version`` (``3.11``) can load; None if there is none."""
    find = [uv.find_uv_bin(), "python", "find", "--no-python-downloads", "--no-project", version]
    found = subprocess.run(find, capture_output=True, text=True, check=False)
    candidates = (sys.executable, found.stdout.strip(), shutil.which(f"python{version}"))
    return next(((path,) for path in candidates if path and is_python((path,), version)), None)


def is_python(python: Python, version: str) -> bool:
    """Whether ``python`` starts here and writes the bytecode of ``version``."""
    ask = [*python, "-I", "-c", "import sys; print(sys.implementation.cache_tag)"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == f"cpython-{version.replace('.', '')}"


def compile_tree(python: Python, tree: Path, inside: PurePosixPath) -> None:
    """Compile every module under ``tree``, which the image will hold as ``inside``.

    The result is never checked against its source, which saves the image a look at every file. Modules that do
    not compile, as some packages keep for other versions of Python, are left as they are.
    """
    # Workers are started by the program's name alone, which a Python that needs first arguments would not survive.
    workers = "0" if len(python) == 1 else "1"
    options = ["-q", "-q", "-j", workers, "--invalidation-mode", "unchecked-hash"]
    options += ["-s", str(tree), "-p", str(inside)]
    subprocess.run([*python, "-I", "-m", "compileall", *options, str(tree)], capture_output=True, check=False)
