"""The artifact of a version, checked as AWS checks it when a runtime is created or updated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException
from agentcore_lab.sandbox.base import Backend, Image, ImageNotFound, UnsupportedArchitecture

_FIELD = "agentRuntimeArtifact.containerConfiguration.containerUri"


async def resolve_artifact(backend: Backend, artifact: Mapping[str, Any]) -> Image | None:
    """The image the artifact names, pinned by digest; None for a code artifact.

    The first sentence of each message is AWS's as users report it; what follows says what to do here.

    Raises:
        ValidationException: no such image, or one that is not for linux/arm64.
    """
    container = artifact.get("containerConfiguration")
    if container is None:
        return None
    uri = container["containerUri"]
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
