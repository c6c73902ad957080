"""The image an agent's image starts from: at hand, pulled, or made from Debian packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException
from requests.exceptions import RequestException

from agentcore_lab.images.bases import Bases
from agentcore_lab.images.debian import SUITES, base_key, debian_base
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.images.engine import PLATFORM, archive_context, inspect_image, note_use, run_build
from agentcore_lab.sandbox.docker_container import QEMU_CPU
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import DockerClient

    from agentcore_lab.images.bases import Row
    from agentcore_lab.images.dockerfile import Recipe

REGISTRY_SECONDS = 5.0
_NAME = "agentcore-lab/base"
_MADE = """\
FROM scratch
ADD content.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHON_VERSION={version}
ENV QEMU_CPU={cpu}
CMD ["python3"]
"""


@dataclass(frozen=True, slots=True)
class Base:
    """An ARM64 image in the local engine.

    ``python`` is its Python's minor version as the image tells it, None if it tells none; ``made`` says that it
    was made here from Debian packages.
    """

    reference: str
    python: str | None
    made: bool


class BaseFinder:
    """Finds the ARM64 base for a recipe, the quickest way first."""

    def __init__(self, client: DockerClient, cache_dir: Path, bases: Bases | None = None) -> None:
        self._client = client
        self._cache_dir = cache_dir
        self._bases = bases or Bases()

    def find(self, recipe: Recipe, tell: Callable[[str], None], *, fresh: bool = False) -> Base:
        """The base that ``recipe`` names if it is here or can be pulled; else what the table of bases has for it.

        Raises:
            BuildError: neither can be had here; the message says what would help.
        """
        if recipe.base == "scratch":
            return Base("scratch", python=None, made=False)
        pulled = pulled_name(recipe.base)
        row = self._bases.instead_of(recipe.base)
        for reference in (recipe.base,) if fresh else (recipe.base, pulled):
            if (here := self.local(reference)) is not None:
                return here
        if row is not None and not fresh and (here := self.local(self._name(row))) is not None:
            tell(_replaced(recipe.base, row))
            return here
        if row is None or not row.own:
            tell(f"looking for {recipe.base}")
            if self._pull(recipe.base, pulled, tell) and (here := self.local(pulled)) is not None:
                return here
        if row is None:
            raise BuildError(self._nothing(recipe))
        tell(_replaced(recipe.base, row))
        return self._put(row, tell, fresh=fresh)

    def _put(self, row: Row, tell: Callable[[str], None], *, fresh: bool) -> Base:
        """What ``row`` puts in a base's place."""
        if row.made is not None:
            tell(f"making a base with Python {row.made} from Debian's ARM64 packages")
            return self._make(self._name(row), row.made, fresh=fresh)
        name = pulled_name(row.use)
        if self._pull(row.use, name, tell) and (here := self.local(name)) is not None:
            return here
        raise BuildError(
            f"{row.use}, which {self._bases.path} puts in the place of {row.pattern}, is not in the local Docker for "
            "arm64 and its registry cannot be reached."
        )

    def _nothing(self, recipe: Recipe) -> str:
        version = recipe.python_version
        known = ", ".join(SUITES)
        why = f" Without a registry only Python {known} can be had, not {version}." if version else ""
        return (
            f"FROM {recipe.base}: it is not in the local Docker for arm64 and its registry cannot be reached.{why} "
            "Use a python base whose tag names its version, such as "
            f"public.ecr.aws/docker/library/python:3.11-slim-bookworm.{self._bases.advice(recipe.base)}"
        )

    @staticmethod
    def _name(row: Row) -> str:
        return f"{_NAME}:{base_key(row.made)}" if row.made is not None else row.use

    def at_hand(self, reference: str) -> Base | None:
        """The image of this very name, from here or from its registry; None if it can be had from neither."""
        pulled = pulled_name(reference)
        if (here := self.local(reference) or self.local(pulled)) is not None:
            return here
        return self.local(pulled) if self._pull(reference, pulled, lambda _: None) else None

    def make(self, name: str, dockerfile: str, content: Path) -> Base:
        """Build a base of the archive ``content``, which ``dockerfile`` calls ``content.tar``. Raises BuildError."""
        with archive_context(content, dockerfile) as context:
            run_build(self._client, context, name)
        made = self.local(name)
        if made is None:
            raise BuildError(f"{name} was removed as soon as it was built: build again")
        return made

    def local(self, reference: str) -> Base | None:
        """The image, if the local engine has it for ARM64."""
        attributes = inspect_image(self._client, reference)
        if attributes is None or attributes["Architecture"] != "arm64":
            return None
        if reference.startswith(f"{_NAME}:"):
            note_use(self._client, reference)
        return Base(reference, _python_version(attributes), made=reference.startswith(f"{_NAME}:python"))

    def _pull(self, reference: str, name: str, tell: Callable[[str], None]) -> bool:
        """Pull ``reference`` for ARM64 and call it ``name``; False, and quickly, if its registry cannot be reached.

        It is pulled by digest: a tag that the user has for another architecture stays where it is.
        """
        digest = self._distribution(reference)
        if digest is None:
            return False
        repository = _repository(reference)
        tell(f"pulling {reference} for {PLATFORM}")
        try:
            self._client.images.pull(repository, digest, platform=PLATFORM).tag(name)
        except (DockerException, RequestException):
            return False
        return True

    def _distribution(self, reference: str) -> str | None:
        """The digest the registry has for ``reference``; None, and quickly, if it cannot be asked."""
        try:
            quick = connect(REGISTRY_SECONDS, max_pool_size=1)
        except EngineUnreachable:
            return None
        try:
            api: Any = quick.api
            found: dict[str, Any] = api.inspect_distribution(reference)
        except (DockerException, RequestException):
            return None
        finally:
            quick.close()
        return str(found["Descriptor"]["digest"])

    def _make(self, name: str, version: str, *, fresh: bool) -> Base:
        root = debian_base(version, self._cache_dir, fresh=fresh)
        with archive_context(root, _MADE.format(version=version, cpu=QEMU_CPU)) as context:
            run_build(self._client, context, name)
        return Base(name, version, made=True)


def _replaced(reference: str, row: Row) -> str:
    what = f"Python {row.made} made of Debian's packages" if row.made else row.use
    whose = "your row" if row.own else "the row"
    return f"FROM {reference}: {what} takes its place ({whose} {row.pattern} of `agentcore-lab images bases`)"


def pulled_name(reference: str) -> str:
    """The name under which the ARM64 image of ``reference`` is kept once it was pulled."""
    return f"{_NAME}:pulled-{hashlib.sha256(reference.encode()).hexdigest()[:12]}"


def _repository(reference: str) -> str:
    """``reference`` without digest and tag; a registry's port is no tag."""
    name = reference.partition("@")[0]
    repository, _, tag = name.rpartition(":")
    return repository if repository and "/" not in tag else name


def _python_version(attributes: dict[str, Any]) -> str | None:
    """The minor version that the image's ``PYTHON_VERSION`` tells, as the official images set it."""
    for variable in attributes["Config"].get("Env") or ():
        name, _, value = variable.partition("=")
        if name == "PYTHON_VERSION":
            return ".".join(value.split(".")[:2])
    return None
