"""The artifact of a version, checked as AWS checks it when a runtime is created or updated."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.code_artifacts import CodeArtifacts, code_of
from agentcore_lab.runtime.repository import RuntimeRepository
from agentcore_lab.runtime.versions import Version
from agentcore_lab.sandbox.base import Backend, Image, ImageNotFound, SandboxError, UnsupportedArchitecture

log = logging.getLogger(__name__)

_FIELD = "agentRuntimeArtifact.containerConfiguration.containerUri"


class Artifacts:
    """What versions are made from: images of the backend, and zips."""

    def __init__(self, backend: Backend, code: CodeArtifacts, repository: RuntimeRepository) -> None:
        self._backend = backend
        self._code = code
        self._repository = repository

    @asynccontextmanager
    async def resolved(self, scope: Scope, artifact: Mapping[str, Any]) -> AsyncIterator[Image]:
        """What the artifact names, pinned by digest, for a version that is recorded within the context.

        Raises:
            ValidationException: there is no such image or object, or the image is not for linux/arm64.
            AccessDeniedException: the object may not be read.
        """
        if (configuration := artifact.get("codeConfiguration")) is not None:
            async with self._code.pinned(scope, configuration) as image:
                yield image
        else:
            yield (image := await _image(self._backend, artifact["containerConfiguration"]["containerUri"]))
            await self._hold([image.digest])

    async def open(self) -> None:
        """See that no image goes that a version needs, whatever becomes of its names."""
        await self._hold(image_digests(self._repository.all_versions()))

    async def forget(self, gone: Iterable[Version]) -> None:
        """Remove what nothing but these versions, which are not recorded any more, was kept for."""
        await self._code.forget(gone, self._repository.all_versions)

    async def _hold(self, digests: Collection[str]) -> None:
        try:
            await self._backend.hold(digests)
        except SandboxError:
            log.exception("images of versions could not be kept from clean-ups by others")


def image_digests(versions: Iterable[Version]) -> frozenset[str]:
    """The images that these versions are made from; a code artifact's has a name that keeps it."""
    found = (version.image.digest for version in versions if version.image and code_of(version) is None)
    return frozenset(found)


async def _image(backend: Backend, uri: str) -> Image:
    """The first sentence of each message is AWS's as users report it; what follows says what to do here."""
    try:
        return await backend.resolve(uri)
    except UnsupportedArchitecture as error:
        raise _invalid(
            f"Architecture incompatible for uri '{uri}'. Supported architectures: [arm64]. "
            f"This image is built for {error.architecture}: build it with "
            "`agentcore-lab images build` or `docker buildx build --platform linux/arm64`."
        ) from error
    except ImageNotFound as error:
        raise _invalid(
            "The specified image identifier does not exist in the repository. "
            f"Check the image identifier and try again: '{uri}'. The {backend.name} sandbox has no image of "
            "that name: build it with `agentcore-lab images build`, or tag a local image with it."
        ) from error


def _invalid(message: str) -> ValidationException:
    return ValidationException(message, fields=(InvalidField(_FIELD, message),))
