"""Files given to a container: in its own file system, so that inspection does not show them."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker.models.containers import Container


def give(container: Container, files: Mapping[str, str]) -> None:
    """Put texts at absolute paths; any user inside may read them. The container is created and not started yet."""
    if not files:
        return
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o444
            archive.addfile(entry, io.BytesIO(content))
    container.put_archive("/", packed.getvalue())
