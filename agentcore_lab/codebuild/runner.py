"""One build from its source to its end: what CodeBuild's phases do, in a thread of its own."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.codebuild.buildspec import PHASES, BadBuildspec, Do, Move, PassOver, Say, read_buildspec
from agentcore_lab.codebuild.images import Images
from agentcore_lab.codebuild.record import Account, Project
from agentcore_lab.images.build import Builder
from agentcore_lab.images.dockerfile import BuildError

_DEFAULT_SPEC = "buildspec.yml"


class Stopped(Exception):  # noqa: N818 - a state, named as one
    """StopBuild was called."""


class Clients(Protocol):
    """boto3 clients that call the engine."""

    def admit(self, account: Account) -> None:
        """Let clients of ``account`` be made, from any thread after this."""
        ...

    def of(self, account: Account, service: str) -> Any:
        """A client of ``service`` as ``account``."""
        ...


class Runner:
    """Runs one build. ``enter`` is told each phase as it begins, ``tell`` writes the build's log."""

    def __init__(
        self,
        project: Project,
        account: Account,
        build: Mapping[str, Any],
        clients: Clients,
        builder: Builder,
        enter: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._project = project
        self._account = account
        self._build = build
        self._clients = clients
        self._builder = builder
        self._enter = enter
        self._tell = tell
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the build before its next step."""
        self._stop.set()

    def run(self, work: Path) -> None:
        """Run all phases; ``work`` is an empty folder.

        Raises:
            BuildError: the build has failed; the message says why.
            Stopped: it was stopped.
        """
        self._phase("PROVISIONING")
        environment = self._project["environment"]
        self._tell(
            f"{environment['image']} is not started: this builder is agentcore-lab's own. It reads the buildspec's "
            "docker commands and builds for linux/arm64 without running them."
        )
        self._phase("DOWNLOAD_SOURCE")
        self._download(work)
        moves = self._read(work)
        images = Images(
            self._builder, self._clients.of(self._account, "ecr"), self._account, work, self._tell
        )
        for name in PHASES:
            self._phase(name.upper())
            for move in moves[name]:
                self._do(move, moves, images)
        self._phase("UPLOAD_ARTIFACTS")
        self._phase("FINALIZING")

    def _phase(self, phase: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self._enter(phase)
        self._tell(f"Entering phase {phase}")

    def _do(self, move: Move, moves: Mapping[Any, list[Move]], images: Images) -> None:
        if self._stop.is_set():
            raise Stopped
        match move:
            case Say(text):
                self._tell(text)
            case PassOver(written):
                self._tell(f"passed over, it has no effect here: {written}")
            case Do(_, written):
                self._tell(f"Running command {written}")
                images.do(move, [each for phase in PHASES for each in moves[phase]])

    def _download(self, work: Path) -> None:
        source = self._project["source"]
        if source["type"] == "NO_SOURCE":
            return
        if source["type"] != "S3":
            raise BuildError(f"source type {source['type']} is not offered here: use S3")
        bucket, _, key = source["location"].removeprefix("arn:aws:s3:::").partition("/")
        packed = work.with_suffix(".zip")
        wanted = {"Bucket": bucket, "Key": key}
        if version := self._project.get("sourceVersion"):
            wanted["VersionId"] = version
        try:
            with packed.open("wb") as file:
                for chunk in (
                    self._clients.of(self._account, "s3").get_object(**wanted)["Body"].iter_chunks(1 << 20)
                ):
                    file.write(chunk)
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(work)
                _keep_executable(archive, work)
        except (ClientError, BotoCoreError) as error:
            raise BuildError(f"s3://{bucket}/{key}: {error}") from None
        except zipfile.BadZipFile:
            raise BuildError(f"s3://{bucket}/{key} is no zip") from None
        self._tell(f"source: s3://{bucket}/{key}, {packed.stat().st_size:,} bytes")

    def _read(self, work: Path) -> Mapping[Any, list[Move]]:
        spec = self._project["source"].get("buildspec") or _DEFAULT_SPEC
        if "\n" not in spec:
            place = (work / spec).resolve()
            if not place.is_relative_to(work.resolve()) or not place.is_file():
                raise BuildError(f"YAML_FILE_ERROR: the source has no {spec}")
            spec = place.read_text(errors="replace")
        try:
            return read_buildspec(spec, self._variables())
        except BadBuildspec as error:
            raise BuildError(f"YAML_FILE_ERROR: {error}") from None

    def _variables(self) -> dict[str, str]:
        """The variables of a build (AWS: Environment variables in build environments)."""
        own = {each["name"]: each for each in self._project["environment"].get("environmentVariables", [])}
        if secret := [name for name, each in own.items() if each.get("type", "PLAINTEXT") != "PLAINTEXT"]:
            raise BuildError(f"environment variables from elsewhere are not read here: {', '.join(secret)}")
        return {
            "AWS_DEFAULT_REGION": self._account.region,
            "AWS_REGION": self._account.region,
            "CODEBUILD_BUILD_ID": self._build["id"],
            "CODEBUILD_BUILD_ARN": self._build["arn"],
            "CODEBUILD_BUILD_NUMBER": str(self._build["buildNumber"]),
            "CODEBUILD_INITIATOR": self._build["initiator"],
            **{name: each["value"] for name, each in own.items()},
        }


def _keep_executable(archive: zipfile.ZipFile, work: Path) -> None:
    """What may be executed in the zip may be afterwards, as `unzip` has it; Python's own unpacking forgets it."""
    for member in archive.infolist():
        path = work / member.filename
        executable = member.external_attr >> 16 & 0o111
        if executable and path.is_file():
            path.chmod(path.stat().st_mode | executable)
