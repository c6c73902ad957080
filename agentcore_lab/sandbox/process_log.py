"""An agent's output on disk: the newest part is kept, the oldest is let go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

LIMIT = 8 * 1024 * 1024
_BLOCK = 64 * 1024


def drain(source: IO[bytes], path: Path, limit: int = LIMIT) -> None:
    """Write all that ``source`` gives until it ends to ``path``; at most ``limit`` bytes stay, in two files.

    Reading never stops for a full disk or a removed folder: an agent must not hang on its own output.
    """
    with source:
        try:
            _keep(source, path, limit)
        except OSError:
            while source.read(_BLOCK):
                pass


def _keep(source: IO[bytes], path: Path, limit: int) -> None:
    file = path.open("ab", buffering=0)
    try:
        written = file.tell()
        while block := source.read(_BLOCK):
            if written + len(block) > limit // 2:
                file.close()
                path.replace(_older(path))
                file, written = path.open("ab", buffering=0), 0
            written += file.write(block)
    finally:
        file.close()


def read_tail(path: Path, lines: int) -> list[str]:
    """The last ``lines`` lines that were kept, oldest first; empty if there is no such log."""
    if lines <= 0:
        return []
    found = _end(path, lines)
    if found.count(b"\n") <= lines:
        found = _end(_older(path), lines) + found
    return found.decode(errors="replace").removesuffix("\n").split("\n")[-lines:] if found else []


def _end(path: Path, lines: int) -> bytes:
    """The end of the file with at least ``lines`` whole lines, or all of it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return b""
    with file:
        start = file.seek(0, os.SEEK_END)
        end = b""
        while start > 0 and end.count(b"\n") <= lines:
            size = min(_BLOCK, start)
            start = file.seek(start - size)
            end = file.read(size) + end
        return end


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")
