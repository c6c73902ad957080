"""Building an agent's image on an engine of somebody else's, by the services that AWS has for it: S3 and CodeBuild."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import stopwatch
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.context import content_key, source_files
from agentcore_lab.images.dockerfile import BuildError, read_recipe
from agentcore_lab.waiting import wait_for

PROJECT = "agentcore-lab"
_LONGEST_SECONDS = 3600.0
_STEP = re.compile(r"  (\d+)/(\d+) (.+)")
_MADE = re.compile(r"  (sha256:[0-9a-f]{64}) \((\S+)\) is named (\S+)")
_SPEC = """version: 0.2
phases:
  build:
    commands:
      - docker build -t {uri} .
      - docker push {uri}
"""


class EngineBuilder:
    """Has the engine build. Whoever may not use the machine's Docker, or the engine's folders, builds so.

    ``client`` makes boto3 clients of a service of the engine's, as the account whose images these are.
    """

    def __init__(self, client: Callable[[str], Any], account_id: str, region: str) -> None:
        self._client = client
        self._account_id = account_id
        self._region = region

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:  # noqa: ARG002
        """See ``agentcore_lab.images.build.Builder``; whether anything is built afresh is the engine's to say."""
        began = stopwatch()
        read_recipe(folder / "Dockerfile")  # what is wrong in it is told at once
        repository = uri.partition("/")[2].rpartition(":")[0]
        try:
            source = self._upload(folder, repository)
            self._prepare(repository, source)
            build_id = self._client("codebuild").start_build(
                projectName=PROJECT,
                sourceTypeOverride="S3",
                sourceLocationOverride=source,
                buildspecOverride=_SPEC.format(uri=uri),
            )["build"]["id"]
            build = self._followed(build_id, on_step)
            lines = list(self._log(build))
            size = self._size(repository, uri)
        except (ClientError, BotoCoreError) as error:
            raise BuildError(f"the engine does not build: {error}") from error
        if build["buildStatus"] != "SUCCEEDED":
            raise BuildError(_why(build))
        made = next(found for line in lines if (found := _MADE.fullmatch(line)))
        reused = any("nothing changed" in line for line in lines)
        return Built(uri, made[1], made[2], stopwatch() - began, reused, size)

    def _upload(self, folder: Path, repository: str) -> str:
        bucket, key = (
            f"agentcore-lab-{self._account_id}-{self._region}",
            f"{repository}/{content_key(folder)}.zip",
        )
        s3 = self._client("s3")
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            where = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
            s3.create_bucket(Bucket=bucket, **({} if self._region == "us-east-1" else where))
        s3.put_object(Bucket=bucket, Key=key, Body=_zipped(folder))
        return f"{bucket}/{key}"

    def _prepare(self, repository: str, source: str) -> None:
        """The ECR repository and the CodeBuild project, once."""
        ecr, codebuild = self._client("ecr"), self._client("codebuild")
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
        if codebuild.batch_get_projects(names=[PROJECT])["projects"]:
            return
        codebuild.create_project(
            name=PROJECT,
            source={"type": "S3", "location": source},  # each build names its own
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "ARM_CONTAINER",
                "image": "aws/codebuild/amazonlinux2-aarch64-standard:3.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=f"arn:aws:iam::{self._account_id}:role/AgentCoreLabRole",
        )

    def _followed(self, build_id: str, on_step: Callable[[Step], None]) -> dict[str, Any]:
        """The build once it is complete; on the way its steps are told as its log has them."""
        codebuild = self._client("codebuild")
        told = 0

        def look() -> dict[str, Any]:
            nonlocal told
            build: dict[str, Any] = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
            steps = [found for line in self._log(build) if (found := _STEP.fullmatch(line))]
            for step in steps[told:]:
                on_step(Step(int(step[1]), int(step[2]), step[3]))
            told = len(steps)
            return build

        return wait_for(
            look,
            lambda build: bool(build["buildComplete"]),
            _LONGEST_SECONDS,
            lambda build: f"The build is still in {build['currentPhase']} after an hour.",
        )

    def _log(self, build: dict[str, Any]) -> Iterator[str]:
        place, logs = build["logs"], self._client("logs")
        try:
            events = logs.get_log_events(
                logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            return  # nothing has been written yet
        yield from (event["message"] for event in events)

    def _size(self, repository: str, uri: str) -> int:
        ecr = self._client("ecr")
        try:
            details = ecr.describe_images(
                repositoryName=repository, imageIds=[{"imageTag": uri.rpartition(":")[2]}]
            )["imageDetails"]
        except ecr.exceptions.ImageNotFoundException:
            return 0
        return int(details[0].get("imageSizeInBytes", 0))


def _zipped(folder: Path) -> bytes:
    """The files that a build may copy, and the Dockerfile; a link within the folder is the file it leads to."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name in sorted({*source_files(folder), "Dockerfile"}):
            path = (folder / name).resolve()
            if path.is_file() and path.is_relative_to(folder.resolve()):
                archive.write(path, name)
    return packed.getvalue()


def _why(build: dict[str, Any]) -> str:
    """The message of the phase that failed."""
    told = [context["message"] for phase in build["phases"] for context in phase.get("contexts", [])]
    return next((message for message in told if message), f"the build has {build['buildStatus'].lower()}")
