"""Code artifacts as ARM64 images: the zip's files on the base of their language, compiled on the host."""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from docker import DockerClient
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from agentcore_lab.codezip.code import Code
from agentcore_lab.codezip.languages import TASK_ROOT, Language
from agentcore_lab.images.base import Base, BaseFinder
from agentcore_lab.images.bytecode import compile_tree
from agentcore_lab.images.context import anonymous
from agentcore_lab.images.debian import SUITES, compiler
from agentcore_lab.images.dockerfile import BuildError, Recipe
from agentcore_lab.images.engine import archive_context, run_build
from agentcore_lab.images.node import node_base
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect
from agentcore_lab.sandbox.docker_probe import MEND

_USER = "1000:1000"


class DockerCodeBuilder:
    """Builds images of the local container engine.

    Its files belong to root, and agents run as another user: what a zip's permissions do not open to others stays
    closed, and nothing of it can be written (chosen here: AWS says that permissions count, and not whose they are).
    """

    architecture = "arm64"

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir

    def build(self, code: Code, folder: Path) -> None:
        """See ``agentcore_lab.images.code_builder.CodeBuilder``."""
        client = _connect()
        try:
            base = self._base(client, code.language)
            python = (
                compiler(code.language.version, self._cache_dir) if code.language.kind == "python" else None
            )
            if python is not None:
                compile_tree(python, folder, PurePosixPath(TASK_ROOT))
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._cache_dir) as work:
                content = Path(work) / "content.tar"
                with tarfile.open(content, "w") as tar:
                    tar.add(folder, arcname=TASK_ROOT.lstrip("/"), filter=_open_folder)
                with archive_context(content, _dockerfile(base, code)) as context:
                    run_build(client, context, code.reference)
        except (DockerException, RequestException) as error:
            raise BuildError(f"the container engine refused: {error}") from None
        finally:
            client.close()

    def remove(self, reference: str) -> None:
        """See ``agentcore_lab.images.code_builder.CodeBuilder``."""
        client = _connect()
        try:
            client.images.remove(reference)
        except (APIError, RequestException):
            return  # it is gone, or a sandbox of another engine uses it
        finally:
            client.close()

    def _base(self, client: DockerClient, language: Language) -> Base:
        finder = BaseFinder(client, self._cache_dir)
        if language.kind == "node":
            return node_base(finder, language, self._cache_dir)
        try:
            return finder.find(Recipe(language.image, None, ()), lambda _: None)
        except BuildError as error:
            if language.version in SUITES:
                raise
            raise BuildError(no_base(language)) from error


def no_base(language: Language) -> str:
    """What to say where neither a registry nor Debian has a language."""
    debian = ", ".join(f"PYTHON_{version.replace('.', '_')}" for version in SUITES)
    return (
        f"There is no ARM64 base for {language.name} here: {language.image} is not in the local Docker, its registry "
        "cannot be reached, and Debian's packages have none. Pull that image for linux/arm64 where there is a "
        f"network, or use one of {debian}, NODE_22."
    )


def _dockerfile(base: Base, code: Code) -> str:
    """Few instructions: the engine starts and commits a container for each."""
    variables = " ".join(f"{name}={value}" for name, value in code.environment.items())
    lines = [f"FROM {base.reference}", "ADD content.tar /", f"ENV {variables}"]
    lines += [f"WORKDIR {TASK_ROOT}", f"USER {_USER}", f"ENTRYPOINT {json.dumps(code.command)}"]
    return "\n".join((*lines, ""))


def _open_folder(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The folder the zip was unpacked in is nobody's of the zip: its permissions are ours to set."""
    if member.name == TASK_ROOT.lstrip("/"):
        member.mode = 0o755
    return anonymous(member)


def _connect() -> DockerClient:
    try:
        return connect()
    except EngineUnreachable as error:
        raise BuildError(f"no container engine answers ({error}): {MEND}") from None
