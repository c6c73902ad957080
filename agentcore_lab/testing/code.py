"""For tests of code artifacts: buckets in memory, and scripts in place of the images that are made of zips."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agentcore_lab.codezip.code import Code, Location
from agentcore_lab.errors import ValidationException
from agentcore_lab.testing import Script, ScriptedBackend


@dataclass(slots=True)
class MemoryObjects:
    """Objects by bucket and key, and what every other key has; safe to change from another thread."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    otherwise: bytes | None = None

    async def fetch(self, account_id: str, location: Location, target: Path) -> None:  # noqa: ARG002
        """Write the object as it is now."""
        content = self.objects.get((location.bucket, location.key), self.otherwise)
        if content is None:
            raise ValidationException(f"The specified key does not exist: '{location.key}'.")
        await asyncio.to_thread(target.write_bytes, content)


@dataclass(slots=True)
class ScriptedCode:
    """Lets each image of a zip behave as ``script`` says; ``built`` are the files of each, by its name."""

    backend: ScriptedBackend
    script: Script = field(default_factory=Script)
    built: dict[str, list[str]] = field(default_factory=dict)
    architecture: str = "arm64"

    def build(self, code: Code, folder: Path) -> None:
        """Add an image to the backend."""
        self.built[code.reference] = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        self.backend.add(code.reference, self.script)

    def remove(self, reference: str) -> None:
        """Take it away again."""
        self.backend.images.pop(reference, None)


def zipped(files: Mapping[str, str | bytes], mode: int = 0o644) -> bytes:
    """A zip of these files, with the permissions that ``zip -r`` would have found."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (0o100000 | mode) << 16
            archive.writestr(member, content)
    return packed.getvalue()
