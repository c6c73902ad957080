"""The zips that versions were made from, kept by their content: what lies in S3 may change, a version may not."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from agentcore_lab.codezip.code import Location
from agentcore_lab.codezip.objects import Objects

UNFINISHED = ".new-"
"""What the names of folders begin with that are gone when their work is done."""


class PinnedPackages:
    """``<folder>/<hex of sha256>.zip``, each written once."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        self.folder = folder
        self._objects = objects
        self._lock = asyncio.Lock()
        self._held: Counter[str] = Counter()

    def tidy(self, in_use: Collection[str]) -> None:
        """Remove what an engine that was killed left behind; before anything is pinned. Blocks."""
        for unfinished in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        self._remove_all_but(in_use)

    @asynccontextmanager
    async def pinned(self, account_id: str, location: Location) -> AsyncIterator[str]:
        """Fetch the object as it is now; ``sha256:…`` of it, which is not forgotten within the context.

        Raises as ``Objects.fetch``.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.folder) as work:
            fetched = Path(work) / "package.zip"
            await self._objects.fetch(account_id, location, fetched)
            async with self._lock:
                digest = await asyncio.to_thread(self._keep, fetched)
                self._held[digest] += 1
        try:
            yield digest
        finally:
            self._held[digest] -= 1

    def path(self, digest: str) -> Path:
        """Where the zip of this digest is."""
        return self.folder / f"{digest.removeprefix('sha256:')}.zip"

    async def forget(self, in_use: Callable[[], Collection[str]]) -> None:
        """Remove every zip whose digest is neither ``in_use`` nor being pinned."""
        async with self._lock:
            self._remove_all_but((*in_use(), *+self._held))

    def _remove_all_but(self, in_use: Collection[str]) -> None:
        keep = {self.path(digest) for digest in in_use}
        for path in self.folder.glob("*.zip"):
            if path not in keep:
                path.unlink(missing_ok=True)

    def _keep(self, fetched: Path) -> str:
        with fetched.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        fetched.replace(self.path(digest))
        return digest
