"""Builds through boto3: phases and status as they happen, a log that says what was done, an image in ECR."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread
from tests.patience import PATIENCE
from tests.signing import signed

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
SPEC = """
version: 0.2
phases:
  build:
    commands:
      - docker build -t local --build-arg VERSION=7 .
      - docker tag local:latest {uri}
  post_build:
    commands:
      - docker push {uri}
"""
Client = Callable[[str], Any]


@dataclass
class ScriptedBuilder:
    """Notes what it is asked to build; an image called ``bad`` fails, others wait for ``go``."""

    dockerfiles: dict[str, str] = field(default_factory=dict)
    go: threading.Event = field(default_factory=threading.Event)

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:  # noqa: ARG002
        """See Builder."""
        on_step(Step(1, 1, "preparing the base image"))
        if "bad" in uri:
            raise BuildError("the packages cannot be resolved")
        assert self.go.wait(90)
        self.dockerfiles[uri] = (folder / "Dockerfile").read_text()
        return Built(uri, "sha256:" + "1" * 64, "arm64", 1.0, reused=False, size=42)


@pytest.fixture(scope="module")
def builder() -> ScriptedBuilder:
    """The module's builder."""
    return ScriptedBuilder()


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the module's engine."""
    folder = tmp_path_factory.mktemp("engine")
    return Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)


@pytest.fixture(scope="module")
def engine(own_settings: Settings, builder: ScriptedBuilder) -> Iterator[RunningEngine]:
    """An engine whose builder is scripted."""
    with engine_in_thread(own_settings, ScriptedBackend(), FakeClock(), builder=builder) as running:
        yield running


@pytest.fixture
def client(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> Client:
    """boto3.client in the lab's environment."""
    for name, value in client_environment(engine).items():
        monkeypatch.setenv(name, value)
    make: Any = boto3.client
    client: Client = make
    return client


def project(client: Client, name: str, spec: str, files: dict[str, str]) -> str:
    """A project whose source is a zip in S3, as the toolkit makes it; a repository of the same name beside it."""
    s3, packed = client("s3"), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    if "sources" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="sources", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="sources", Key=f"{name}/source.zip", Body=packed.getvalue())
    client("ecr").create_repository(repositoryName=name)
    client("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": f"sources/{name}/source.zip", "buildspec": spec},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "ARM_CONTAINER", "image": "aws/x:3.0", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/Builder",
    )
    return f"{REGISTRY}/{name}:v1"


def finished(codebuild: Any, build_id: str) -> dict[str, Any]:
    """The build once it is complete."""
    for _ in range(1200):
        build: dict[str, Any] = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        if build["buildComplete"]:
            return build
        time.sleep(0.1)
    raise AssertionError(build)


def log_of(client: Client, build: dict[str, Any]) -> str:
    """What the build's log in CloudWatch Logs says."""
    place = build["logs"]
    events = client("logs").get_log_events(
        logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True
    )
    return "\n".join(event["message"] for event in events["events"])


def test_a_build_goes_through_its_phases_and_pushes(client: Client, builder: ScriptedBuilder) -> None:
    """Seen while it builds; afterwards the image is in ECR and the log tells each step."""
    codebuild = client("codebuild")
    uri = project(
        client, "good", SPEC.format(uri=f"{REGISTRY}/good:v1"), {"Dockerfile": "FROM scratch\nARG VERSION\n"}
    )
    started = codebuild.start_build(projectName="good")["build"]
    assert (started["buildStatus"], started["currentPhase"]) == ("IN_PROGRESS", "QUEUED")
    for _ in range(1200):
        now = codebuild.batch_get_builds(ids=[started["id"]])["builds"][0]
        if now["currentPhase"] == "BUILD":
            break
        time.sleep(0.1)
    assert (now["currentPhase"], now["buildStatus"]) == ("BUILD", "IN_PROGRESS")
    builder.go.set()
    build = finished(codebuild, started["id"])
    assert build["buildStatus"] == "SUCCEEDED"
    assert [phase["phaseType"] for phase in build["phases"]][-4:] == [
        "POST_BUILD",
        "UPLOAD_ARTIFACTS",
        "FINALIZING",
        "COMPLETED",
    ]
    assert builder.dockerfiles[uri] == 'FROM scratch\nARG VERSION="7"\n'
    [image] = client("ecr").describe_images(repositoryName="good")["imageDetails"]
    assert (image["imageTags"], image["imageSizeInBytes"]) == (["v1"], 42)
    [kept] = client("ecr").batch_get_image(repositoryName="good", imageIds=[{"imageTag": "v1"}])["images"]
    assert json.loads(kept["imageManifest"])["config"]["digest"] == "sha256:" + "1" * 64
    log = log_of(client, build)
    assert "Running command docker build -t local --build-arg VERSION=7 ." in log
    assert "preparing the base image" in log
    assert f"v1: digest: {image['imageDigest']}" in log
    assert codebuild.list_builds_for_project(projectName="good")["ids"] == [build["id"]]


@pytest.mark.parametrize(
    ("name", "spec", "phase", "why"),
    [
        ("bad-image", SPEC.format(uri=f"{REGISTRY}/bad-image:v1"), "BUILD", "packages cannot be resolved"),
        ("runs", "version: 0.2\nphases: {build: {commands: [make all]}}", "DOWNLOAD_SOURCE", "`make all`"),
        (
            "elsewhere",
            SPEC.format(uri="999999999999.dkr.ecr.us-west-2.amazonaws.com/x:1"),
            "POST_BUILD",
            "this account's registry alone",
        ),
        ("nowhere", SPEC.format(uri=f"{REGISTRY}/no-such-repository:1"), "POST_BUILD", "no-such-repository"),
        ("file", "other.yml", "DOWNLOAD_SOURCE", "the source has no other.yml"),
    ],
)
def test_a_build_that_fails_says_why_where_people_look(
    client: Client, builder: ScriptedBuilder, name: str, spec: str, phase: str, why: str
) -> None:
    """In the phase that failed, and at the end of the log."""
    builder.go.set()
    project(client, name, spec, {"Dockerfile": "FROM scratch\n"})
    codebuild = client("codebuild")
    build = finished(codebuild, codebuild.start_build(projectName=name)["build"]["id"])
    assert build["buildStatus"] == "FAILED"
    *_, failed, completed = build["phases"]
    assert (failed["phaseType"], failed["phaseStatus"]) == (phase, "FAILED")
    assert completed["phaseType"] == "COMPLETED"
    assert why in failed["contexts"][0]["message"]
    assert why in log_of(client, build).splitlines()[-1]


@pytest.mark.parametrize(
    "name", ["999999999999.dkr.ecr.us-west-2.amazonaws.com/theirs:1", "agentcore-lab/base:python3.11"]
)
def test_a_build_takes_no_name_that_is_not_its_accounts(
    client: Client, builder: ScriptedBuilder, name: str
) -> None:
    """All accounts share the builder: what is not pushed gets a name of the account's own."""
    builder.go.set()
    label = "took" + str(len(name))
    project(
        client,
        label,
        f"version: 0.2\nphases: {{build: {{commands: ['docker build -t {name} .']}}}}",
        {"Dockerfile": "FROM scratch\n"},
    )
    build = finished(client("codebuild"), client("codebuild").start_build(projectName=label)["build"]["id"])
    assert build["buildStatus"] == "SUCCEEDED"
    assert all(uri.startswith(f"{REGISTRY}/") for uri in builder.dockerfiles)


def test_what_does_not_exist_is_refused_as_aws_does(client: Client) -> None:
    """A project, a build, a source."""
    codebuild = client("codebuild")
    with pytest.raises(codebuild.exceptions.ResourceNotFoundException, match="Project cannot be found"):
        codebuild.start_build(projectName="never-made")
    assert codebuild.batch_get_builds(ids=["no:build"])["buildsNotFound"] == ["no:build"]
    with pytest.raises(ClientError, match="Build cannot be found"):
        codebuild.stop_build(id="no:build")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "an object"),
        (b'{"projectName": 1}', "'projectName' has to be a string"),
        (
            b'{"projectName": "a", "environmentVariablesOverride": [{"name": []}]}',
            "environmentVariablesOverride",
        ),
    ],
)
def test_a_body_that_is_no_request_is_refused(client: Client, body: bytes, words: str) -> None:
    """In the form of the service's errors, for whoever writes requests by hand."""
    url = client("codebuild").meta.endpoint_url + "/"
    headers = {"X-Amz-Target": "CodeBuild_20161006.StartBuild", "Content-Type": "application/x-amz-json-1.1"}
    request = Request(url, body, signed("POST", url, body, headers, service="codebuild"))
    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=PATIENCE)
    with refused.value as answer:
        said = json.load(answer)
    assert (refused.value.code, said["__type"]) == (400, "SerializationException")
    assert words in said["message"]


def test_builds_are_there_when_the_engine_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was under way has failed, and says that the engine ended."""
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path, port=0, quotas=UNMETERED)
    slow = ScriptedBuilder()
    with engine_in_thread(settings, ScriptedBackend(), FakeClock(), builder=slow) as running:
        for name, value in client_environment(running).items():
            monkeypatch.setenv(name, value)
        make: Any = boto3.client
        project(make, "slow", SPEC.format(uri=f"{REGISTRY}/slow:v1"), {"Dockerfile": "FROM scratch\n"})
        build_id = make("codebuild").start_build(projectName="slow")["build"]["id"]
        kept = settings.data_dir / "builds"
        under_way = {path.name: path.read_text() for path in kept.glob("*.json")}
        slow.go.set()
        finished(make("codebuild"), build_id)
    for name, text in under_way.items():
        (kept / name).write_text(text)  # as a killed engine leaves it
    with engine_in_thread(settings, ScriptedBackend(), FakeClock(), builder=slow) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        [build] = make("codebuild").batch_get_builds(ids=[build_id])["builds"]
        assert (build["buildStatus"], build["buildComplete"]) == ("FAULT", True)
        assert "The engine ended" in build["phases"][-2]["contexts"][0]["message"]
