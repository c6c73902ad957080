"""Code artifacts: pinned when a version is made, made into an image when one is first needed.

A version keeps the zip's digest and place. The image of it has a name that follows from the zip, the language and the
entry point, so that it can be made again wherever it is missing: after a clean-up of images, or by another engine.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentcore_lab.codezip.checks import check
from agentcore_lab.codezip.code import Code, Location, Rejected
from agentcore_lab.codezip.package import open_package
from agentcore_lab.codezip.pinned import UNFINISHED, PinnedPackages
from agentcore_lab.errors import RuntimeClientError
from agentcore_lab.images.code_builder import CodeBuilder
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.versions import Version
from agentcore_lab.sandbox.base import Backend, Image, ImageNotFound

_AT_ONCE = 2
"""Images made side by side: each unpacks and packs hundreds of megabytes."""


class CodeArtifacts:
    """The zips of an engine's versions, and the images of them."""

    def __init__(self, backend: Backend, pinned: PinnedPackages, builder: CodeBuilder) -> None:
        self._backend = backend
        self._pinned = pinned
        self._builder = builder
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._making: dict[str, asyncio.Task[None]] = {}

    async def open(self, versions: Iterable[Version]) -> None:
        """Begin with the zips of these versions, which are all there are, and nothing else."""
        await asyncio.to_thread(self._pinned.tidy, {code.digest for code in _codes(versions)})

    @asynccontextmanager
    async def pinned(self, scope: Scope, configuration: Mapping[str, Any]) -> AsyncIterator[Image]:
        """What a version is made from that is recorded within the context: the object as it is now.

        Raises:
            ValidationException: there is no such object, or it is too large.
            AccessDeniedException: it may not be read.
        """
        place = configuration["code"]["s3"]
        location = Location(place["bucket"], place["prefix"], place.get("versionId"))
        async with self._pinned.pinned(scope.account_id, location) as digest:
            yield Image(location.uri, digest, self._builder.architecture)

    async def image(self, version: Version) -> Image:
        """The image sandboxes of ``version`` start from, whatever its artifact is.

        Raises:
            RuntimeClientError: its zip is refused; the message begins with AWS's words.
        """
        assert version.image is not None, "every version has been pinned to something"
        code = code_of(version)
        if code is None:
            return version.image
        try:
            return await self._backend.resolve(code.reference)
        except ImageNotFound:
            await self._made(code)
        return await self._backend.resolve(code.reference)

    async def forget(self, gone: Iterable[Version], kept: Callable[[], Iterable[Version]]) -> None:
        """Remove what the versions that are ``gone`` had for themselves; ``kept`` says which are left."""
        images = {code.reference for code in _codes(gone)}
        if not images:
            return
        for reference in images - {code.reference for code in _codes(kept())}:
            await asyncio.to_thread(self._builder.remove, reference)
        await self._pinned.forget(lambda: {code.digest for code in _codes(kept())})

    async def close(self) -> None:
        """Wait for what is being made: a build in a thread cannot be broken off."""
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    async def _made(self, code: Code) -> None:
        if (task := self._making.get(code.reference)) is None:
            task = self._making[code.reference] = asyncio.create_task(self._make(code))
            task.add_done_callback(lambda done: self._ended(code.reference, done))
        await asyncio.shield(task)

    def _ended(self, reference: str, task: asyncio.Task[None]) -> None:
        self._making.pop(reference, None)
        if not task.cancelled():
            task.exception()  # whoever waited for it may have given up

    async def _make(self, code: Code) -> None:
        async with self._slots:
            try:
                await asyncio.to_thread(self._check_and_build, code)
            except (Rejected, BuildError) as error:
                raise RuntimeClientError(str(error)) from error

    def _check_and_build(self, code: Code) -> None:
        path = self._pinned.path(code.digest)
        if not path.is_file():
            raise Rejected(
                "The ZIP this version was made from is gone from the data directory: update the runtime."
            )
        with (
            open_package(path) as package,
            tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as work,
        ):
            check(package, code)
            folder = Path(work) / "task"
            folder.mkdir()
            package.unpack(folder)
            self._builder.build(code, folder)


def code_of(version: Version) -> Code | None:
    """What a version with a code artifact runs; None for one with an image."""
    configuration = version.spec["agentRuntimeArtifact"].get("codeConfiguration")
    if configuration is None or version.image is None:
        return None
    return Code.of(configuration, version.image.digest)


def _codes(versions: Iterable[Version]) -> Iterator[Code]:
    return (code for version in versions if (code := code_of(version)) is not None)
