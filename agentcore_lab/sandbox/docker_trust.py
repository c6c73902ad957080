"""Whom clients inside a container trust: the engine's authority, and everybody its image trusts already."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from docker.errors import APIError

from agentcore_lab.tls.trust import bundled, public_authorities, trusting

if TYPE_CHECKING:
    from docker.models.containers import Container

    from agentcore_lab.sandbox.base import Secure

_FOLDER = "/etc/agentcore-lab"
_BUNDLE = f"{_FOLDER}/bundle.pem"
_AUTHORITY = f"{_FOLDER}/ca.pem"
_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
"""Where Debian, Ubuntu, Alpine and where Red Hat's and Amazon's systems have all authorities in one file."""


class ImageStores:
    """Makes the files that ``environment`` names; what an image trusts is read of it once."""

    def __init__(self) -> None:
        self._trusted: dict[str, bytes] = {}

    def files(self, container: Container, digest: str, secure: Secure) -> dict[str, str]:
        """Texts by their paths in ``container``, which is created of the image ``digest``."""
        if digest not in self._trusted:
            self._trusted[digest] = bundled([_store_of(container), public_authorities()])
        bundle = bundled([secure.authority]) + self._trusted[digest]
        return {_BUNDLE: bundle.decode("ascii"), _AUTHORITY: secure.authority.decode("ascii")}


def environment() -> dict[str, str]:
    """The variables by which clients inside find the files."""
    return trusting(_BUNDLE, _AUTHORITY)


def _store_of(container: Container) -> bytes:
    """The image's own authorities; none where it has none."""
    for path in _STORES:
        try:
            pieces, _ = container.get_archive(path)
        except APIError:
            continue
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            for entry in tar:
                if entry.isfile() and (file := tar.extractfile(entry)) is not None:
                    return file.read()
    return b""
