"""Building through the container engine's own API: no CLI, no buildx."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections import deque
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from agentcore_lab.images.dockerfile import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

PLATFORM = "linux/arm64"
# An emulated RUN may be silent for long.
_SILENCE_SECONDS = 3600
_TAIL = 15


def run_build(
    client: DockerClient,
    context: IO[bytes],
    tag: str,
    *,
    dockerfile: str = "Dockerfile",
    labels: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    fresh: bool = False,
) -> None:
    """Build the tar ``context`` for linux/arm64 and name the result ``tag``; ``on_line`` hears the engine's words.

    Raises:
        BuildError: with the last lines of what the failing instruction printed.
    """
    heard: deque[str] = deque(maxlen=_TAIL)
    try:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=dockerfile,
            platform=PLATFORM,
            tag=tag,
            labels=dict(labels or {}),
            nocache=fresh,
            rm=True,
            forcerm=True,
            timeout=_SILENCE_SECONDS,
            decode=True,
        )
        for event in events:
            if "error" in event:
                raise BuildError("\n".join((event["error"].strip(), *heard)))
            for line in event.get("stream", "").splitlines():
                if line.strip():
                    heard.append(line.rstrip())
                    if on_line is not None:
                        on_line(line)
    except APIError as error:
        raise BuildError(str(error.explanation or error)) from None
    except (DockerException, RequestException) as error:
        raise BuildError(f"the container engine stopped answering during the build: {error}") from None


def inspect_image(client: DockerClient, reference: str) -> dict[str, Any] | None:
    """What the engine knows of an image, in its API's words; None if it has no such image."""
    api: Any = client.api
    try:
        attributes: dict[str, Any] = api.inspect_image(reference)
    except ImageNotFound:
        return None
    return attributes


def note_use(client: DockerClient, name: str) -> None:
    """Let the engine remember, as ``LastTagTime``, that the image of this name is of use now."""
    repository, _, tag = name.rpartition(":")
    client.api.tag(name, repository, tag)


@contextmanager
def archive_context(archive: Path, dockerfile: str) -> Iterator[IO[bytes]]:
    """A build context of a Dockerfile and one archive, which it names ``content.tar``."""
    with tempfile.TemporaryFile(dir=archive.parent) as context:
        with tarfile.open(fileobj=context, mode="w") as tar:
            member = tarfile.TarInfo("Dockerfile")
            member.size = len(dockerfile.encode())
            tar.addfile(member, io.BytesIO(dockerfile.encode()))
            tar.add(archive, arcname="content.tar")
        context.seek(0)
        yield context
