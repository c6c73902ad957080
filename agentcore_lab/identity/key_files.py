"""The keys of the token vaults: one file each in a folder of the data directory that only its owner may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agentcore_lab.errors import DecryptionFailure

FOLDER = "vault-keys"
_SUFFIX = ".key"
_OWNER_ONLY = 0o600
_BITS = 256


class KeyFiles:
    """Keys of AES-256 by id; the folder has mode 0700 and each file 0600."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)

    def new(self) -> str:
        """Make a key and return its id; it is on the disk before this returns."""
        key_id = secrets.token_hex(8)
        file = os.open(self._path(key_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(file, "wb") as opened:
            opened.write(AESGCM.generate_key(_BITS))
            opened.flush()
            os.fsync(opened.fileno())
        return key_id

    def cipher(self, key_id: str) -> AESGCM:
        """The cipher of a key. Raises DecryptionFailure when its file is gone or damaged."""
        path = self._path(key_id)
        try:
            path.chmod(_OWNER_ONLY)
            return AESGCM(path.read_bytes())
        except (OSError, ValueError) as error:
            raise DecryptionFailure(
                f"The key of the token vault cannot be read: {FOLDER}/{path.name} of the data directory. "
                "What it sealed is lost: put the file back, or give the credential providers their secrets again."
            ) from error

    def forget(self, key_id: str) -> None:
        """Remove a key: nothing it sealed, in a copy of the database for instance, can be read any more."""
        self._path(key_id).unlink(missing_ok=True)

    def keep_only(self, key_ids: Collection[str]) -> None:
        """Remove keys that no vault uses: what a change of keys that was interrupted left behind."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.stem not in key_ids:
                path.unlink(missing_ok=True)

    def _path(self, key_id: str) -> Path:
        return self._folder / f"{key_id}{_SUFFIX}"
