"""What a version with a code artifact runs: one zip, in one language, from one entry point."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from agentcore_lab.codezip.languages import LANGUAGES, TASK_ROOT, Language
from agentcore_lab.plain_error import PlainError

OTEL = "opentelemetry-instrument"
"""The only program that may stand before the entry point (AWS: runtime-get-started-code-deploy-python)."""
NODE_OTEL = "@aws/aws-distro-opentelemetry-node-autoinstrumentation"

# Raised whenever the same zip would make another image.
_FORMAT = 1


class Rejected(PlainError):  # noqa: N818 - a state, named as one
    """AgentCore would not run this zip; the message begins with AWS's words."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where the zip was when its version was made; ``key`` is what AWS's model calls the prefix."""

    bucket: str
    key: str
    version_id: str | None = None

    @property
    def uri(self) -> str:
        """``s3://bucket/key``, with the object's version if one was asked for."""
        version = f"?versionId={self.version_id}" if self.version_id else ""
        return f"s3://{self.bucket}/{self.key}{version}"


@dataclass(frozen=True, slots=True)
class Code:
    """``digest`` is the SHA-256 of the zip (``sha256:…``)."""

    digest: str
    language: Language
    entry_point: tuple[str, ...]

    @classmethod
    def of(cls, configuration: Mapping[str, Any], digest: str) -> Self:
        """What a ``codeConfiguration`` asks for."""
        return cls(digest, LANGUAGES[configuration["runtime"]], tuple(configuration["entryPoint"]))

    @property
    def file(self) -> str:
        """The entry point's path in the zip."""
        return self.entry_point[-1]

    @property
    def instrumented(self) -> bool:
        """Whether it is started by OpenTelemetry's launcher."""
        return len(self.entry_point) > 1

    @property
    def reference(self) -> str:
        """The name of the image made of it: the same code has the same image."""
        words = repr((_FORMAT, self.digest, self.language.name, self.entry_point))
        return f"agentcore-lab/code:{hashlib.sha256(words.encode()).hexdigest()[:32]}"

    @property
    def command(self) -> tuple[str, ...]:
        """What is started, in the folder of the zip's files.

        The launcher is started through the language, because the first line of a script that was installed on another
        machine names a program of that machine.
        """
        file = f"{TASK_ROOT}/{self.file}"
        if self.language.kind == "node":
            hook = ("--require", f"{NODE_OTEL}/register") if self.instrumented else ()
            return ("node", *hook, file)
        launcher = ("python", f"{TASK_ROOT}/bin/{OTEL}") if self.instrumented else ()
        return (*launcher, "python", file)

    @property
    def environment(self) -> dict[str, str]:
        """What the platform sets for it (chosen here: AWS does not say).

        DOCKER_CONTAINER tells the SDK to listen on every address; packages are found beside the code whatever folder
        the entry point is in.
        """
        common = {"DOCKER_CONTAINER": "1", "HOME": "/tmp"}  # noqa: S108 - in the image
        if self.language.kind == "node":
            return {**common, "NODE_ENV": "production"}
        return {**common, "PYTHONPATH": TASK_ROOT, "PYTHONUNBUFFERED": "1"}
