"""A read-only image registry in a few lines, so that pulling a base can be tried without the Internet.

Docker speaks plain HTTP to registries on 127.0.0.0/8. AWS's and Docker's registries answer the same requests
("OCI Distribution Specification", pull).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest_of(content: bytes) -> str:
    """The name a registry has for ``content``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Content:
    """One image in several architectures; each holds one file, /architecture."""

    def __init__(self, *architectures: str, python: str) -> None:
        self.blobs: dict[str, tuple[str, bytes]] = {}
        entries = [self._image(architecture, python) for architecture in architectures]
        self.index = self._add(
            INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        )

    def _image(self, architecture: str, python: str) -> dict[str, Any]:
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            member = tarfile.TarInfo("architecture")
            member.size = len(architecture)
            tar.addfile(member, io.BytesIO(architecture.encode()))
        layer_digest = self._add("application/octet-stream", layer.getvalue())
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": [f"PYTHON_VERSION={python}"]},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        }
        config_digest = self._add("application/json", json.dumps(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._entry("application/vnd.docker.container.image.v1+json", config_digest),
            "layers": [self._entry("application/vnd.docker.image.rootfs.diff.tar", layer_digest)],
        }
        entry = self._entry(MANIFEST, self._add(MANIFEST, json.dumps(manifest)))
        return {**entry, "platform": {"architecture": architecture, "os": "linux"}}

    def _add(self, media_type: str, content: bytes | str) -> str:
        data = content.encode() if isinstance(content, str) else content
        self.blobs[digest_of(data)] = (media_type, data)
        return digest_of(data)

    def _entry(self, media_type: str, digest: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": len(self.blobs[digest][1])}


@contextmanager
def registry(content: Content) -> Iterator[tuple[str, list[str]]]:
    """Serve ``content`` under every repository and tag: the registry's ``host:port`` and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            asked.append(self.path)
            reference = self.path.rpartition("/")[2]
            if self.path == "/v2/":
                media_type, data = "application/json", b"{}"
            else:
                media_type, data = content.blobs[reference if ":" in reference else content.index]
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Docker-Content-Digest", digest_of(data))
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
