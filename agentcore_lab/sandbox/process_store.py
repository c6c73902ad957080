"""Images of the process sandbox: immutable snapshots of an agent's files, found by digest, named by tags.

images/sha256-<hex>/manifest.json   what to run, and in which environment
images/sha256-<hex>/tree/           the files, as they lie under ``/`` in the image
images/tags/<uri, quoted>           the digest the uri names now
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from agentcore_lab.sandbox.base import Image, ImageNotFound
from agentcore_lab.sandbox.process_venv import Environment, modified

# OCI image specification, "platform": GOARCH's words.
_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image: ``tree`` is the digest of its files; paths are as they are in the image."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    workdir: str
    ports: tuple[int, ...]
    python: Environment
    tree: str

    @property
    def digest(self) -> str:
        """``sha256:…`` of all of it."""
        return "sha256:" + hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The manifest as it is stored; equal manifests are equal texts."""
        return json.dumps(asdict(self), sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest ``to_json`` wrote."""
        values = json.loads(text)
        python = values.pop("python")
        return cls(
            command=tuple(values.pop("command")),
            ports=tuple(values.pop("ports")),
            python=Environment(**python | {"packages": tuple(python["packages"])}),
            **values,
        )


@dataclass(frozen=True, slots=True)
class Tag:
    """The digest a uri names, and since when; ``uri`` is empty for an image without a name."""

    uri: str
    digest: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ProcessStore:
    """The images under ``folder``. Its methods block; readers and writers of other processes do no harm."""

    folder: Path

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder to gather an image's files in; removed unless ``add`` took it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        try:
            (folder / "tree").mkdir()
            yield folder / "tree"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, tree: Path, manifest: Manifest) -> bool:
        """Make an image of ``tree``, which ``scratch`` gave; False if the same image was there already."""
        home = self._home(manifest.digest)
        if home.exists():
            return False
        (tree.parent / "manifest.json").write_text(manifest.to_json())
        try:
            tree.parent.rename(home)
        except OSError:
            if not home.exists():
                raise
            return False
        return True

    def tag(self, uri: str, digest: str) -> None:
        """Let ``uri`` name the image from now on."""
        tag = self._tag(uri)
        tag.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=tag.parent, prefix=".new-", delete=False) as file:
            file.write(digest)
        Path(file.name).replace(tag)

    def remove(self, uri: str) -> None:
        """Forget ``uri``, and the image it named if no other name does; agents that run have their own copy of it."""
        tag = self._tag(uri)
        digest = tag.read_text() if tag.is_file() else ""
        tag.unlink(missing_ok=True)
        if digest and digest not in {each.read_text() for each in tag.parent.glob("[!.]*")}:
            shutil.rmtree(self._home(digest), ignore_errors=True)

    def tags(self) -> list[Tag]:
        """Every name, the image it names, and when it began to."""
        files = (self.folder / "tags").glob("[!.]*")
        return [Tag(unquote(file.name), file.read_text(), modified(file)) for file in files]

    def unnamed(self) -> list[Tag]:
        """The images no name is left of."""
        named = {tag.digest for tag in self.tags()}
        homes = {home.name.replace("-", ":", 1): home for home in self.folder.glob("sha256-*")}
        return [Tag("", digest, modified(home)) for digest, home in homes.items() if digest not in named]

    def discard(self, digest: str) -> None:
        """Remove an image that no name is left of."""
        shutil.rmtree(self._home(digest), ignore_errors=True)

    def resolve(self, uri: str) -> Image:
        """The image ``uri`` (``name:tag`` or ``name@sha256:…``) names now. Raises ImageNotFound."""
        _, _, digest = uri.partition("@")
        try:
            digest = digest or self._tag(uri).read_text()
            self.manifest(digest)
        except (FileNotFoundError, ImageNotFound):
            raise ImageNotFound(f"no image {uri} was built for the process sandbox") from None
        return Image(uri=uri, digest=digest, architecture=host_architecture())

    def manifest(self, digest: str) -> Manifest:
        """The manifest of an image. Raises ImageNotFound."""
        try:
            return Manifest.from_json((self._home(digest) / "manifest.json").read_text())
        except FileNotFoundError:
            raise ImageNotFound(f"image {digest} is no longer in {self.folder}: build it again") from None

    def tree(self, digest: str) -> Path:
        """The files of an image; nobody may change them."""
        return self._home(digest) / "tree"

    def _home(self, digest: str) -> Path:
        return self.folder / quote(digest.replace(":", "-"), safe="")

    def _tag(self, uri: str) -> Path:
        return self.folder / "tags" / quote(uri, safe="")


def host_architecture() -> str:
    """This machine's architecture in OCI's words: agents run on it as they are, without emulation."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)
