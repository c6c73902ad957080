"""The mark by which an engine knows what is its own on a machine, and whether anybody still has a mark."""

from __future__ import annotations

import secrets
from pathlib import Path

_FILE = "owner"


def owner_of(data_dir: Path, cache_dir: Path) -> str:
    """The random name of a data directory; the cache, which all engines of a user share, notes whose it is."""
    path = data_dir / _FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(secrets.token_hex(8))
    owner = path.read_text().strip()
    note = _note(owner, cache_dir)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(str(data_dir))
    return owner


def is_gone(owner: str, cache_dir: Path) -> bool:
    """Whether the data directory of this owner is known, and known to be gone."""
    try:
        data_dir = Path(_note(owner, cache_dir).read_text())
    except FileNotFoundError:
        return False
    try:
        return (data_dir / _FILE).read_text().strip() != owner
    except FileNotFoundError:
        return True


def _note(owner: str, cache_dir: Path) -> Path:
    return cache_dir / "owners" / owner
