"""Runtimes of code artifacts, through boto3: pinned to what lay in S3, refused as AWS refuses, run as any other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.server.packaging import Packaging
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from agentcore_lab.testing.code import MemoryObjects, ScriptedCode, zipped
from tests.conftest import Clients, clients_of
from tests.patience import eventually
from tests.server.sse import follow

ROLE = "arn:aws:iam::123456789012:role/agent"
SESSION = "session-of-a-code-artifact-0123456789"
BUCKET, KEY = "agents", "hello/deployment.zip"


@pytest.fixture
def objects() -> MemoryObjects:
    """A bucket with one good zip."""
    return MemoryObjects({(BUCKET, KEY): zipped({"main.py": "first"})})


@pytest.fixture
def made(backend: ScriptedBackend) -> ScriptedCode:
    """What was made of the zips."""
    return ScriptedCode(backend)


@pytest.fixture
def engine(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, objects: MemoryObjects, made: ScriptedCode
) -> Iterator[RunningEngine]:
    """An engine whose zips come from memory."""
    with engine_in_thread(settings, backend, clock, Packaging(objects, made)) as running:
        yield running


def artifact(key: str = KEY, *entry_point: str, runtime: str = "PYTHON_3_13") -> dict[str, Any]:
    """What a caller says of its zip."""
    s3 = {"bucket": BUCKET, "prefix": key}
    entry = list(entry_point) or ["main.py"]
    return {"codeConfiguration": {"code": {"s3": s3}, "runtime": runtime, "entryPoint": entry}}


def created(aws: Clients, name: str = "coded", **configuration: Any) -> str:
    """The id of a new runtime."""
    given = {"agentRuntimeArtifact": artifact(), "roleArn": ROLE, **configuration}
    answer = aws.control.create_agent_runtime(agentRuntimeName=name, **given)
    return str(answer["agentRuntimeId"])


def settled(aws: Clients, runtime_id: str, **of: str) -> dict[str, Any]:
    """The runtime once it is no longer in motion."""
    for _ in range(6000):
        found: dict[str, Any] = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, **of)
        if not found["status"].endswith("ING"):
            return found
        time.sleep(0.01)
    raise AssertionError(found["status"])


def test_a_runtime_of_a_zip_serves(aws: Clients, backend: ScriptedBackend, made: ScriptedCode) -> None:
    """It becomes READY, says what it was given, and its sessions start from the image that was made of the zip."""
    runtime = settled(aws, created(aws))
    assert runtime["status"] == "READY"
    assert runtime["agentRuntimeArtifact"] == artifact()
    answer = aws.data.invoke_agent_runtime(
        agentRuntimeArn=runtime["agentRuntimeArn"], runtimeSessionId=SESSION, payload=b'{"prompt": "hi"}'
    )
    assert answer["response"].read() == b'{"prompt": "hi"}'
    assert [spec.image.uri for spec in backend.started] == list(made.built)
    assert list(made.built.values()) == [["main.py"]]


def test_a_version_keeps_the_zip_it_was_made_from(
    aws: Clients, objects: MemoryObjects, made: ScriptedCode, backend: ScriptedBackend
) -> None:
    """Another object under the same key changes nothing until the runtime is updated, and then the old version not."""
    runtime_id = created(aws)
    arn = settled(aws, runtime_id)["agentRuntimeArn"]
    objects.objects[BUCKET, KEY] = zipped({"main.py": "second", "more.py": ""})
    aws.data.invoke_agent_runtime(agentRuntimeArn=arn, runtimeSessionId=f"{SESSION}-1", payload=b"{}")
    assert list(made.built.values()) == [["main.py"]]
    aws.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="one", agentRuntimeVersion="1")
    aws.control.update_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeArtifact=artifact(), roleArn=ROLE)
    assert settled(aws, runtime_id)["agentRuntimeVersion"] == "2"
    first, second = made.built
    aws.data.invoke_agent_runtime(agentRuntimeArn=arn, runtimeSessionId=f"{SESSION}-2", payload=b"{}")
    aws.data.invoke_agent_runtime(
        agentRuntimeArn=arn, runtimeSessionId=f"{SESSION}-3", payload=b"{}", qualifier="one"
    )
    assert [spec.image.uri for spec in backend.started] == [first, second, first]


def test_panels_are_told_what_a_version_is_made_of(aws: Clients, engine: RunningEngine) -> None:
    """The zip's place and digest, and the language: all that tells it from an image."""
    settled(aws, created(aws))
    with follow(engine.url) as reader:
        (runtime,) = reader.next().data["runtimes"]
    (version,) = runtime["versions"]
    assert (version["image"], version["language"]) == (f"s3://{BUCKET}/{KEY}", "PYTHON_3_13")
    assert version["digest"].startswith("sha256:")


def test_an_image_that_is_gone_is_made_again(
    aws: Clients, objects: MemoryObjects, made: ScriptedCode, backend: ScriptedBackend
) -> None:
    """From the zip that was kept: neither a clean-up of images nor one of the bucket takes a version away."""
    arn = settled(aws, created(aws))["agentRuntimeArn"]
    objects.objects.clear()
    (reference,) = made.built
    made.remove(reference)
    made.built.clear()
    aws.data.invoke_agent_runtime(agentRuntimeArn=arn, runtimeSessionId=SESSION, payload=b"{}")
    assert list(made.built) == [reference]
    assert backend.started[0].image.uri == reference


def test_a_zip_that_is_refused_fails_the_version(aws: Clients, objects: MemoryObjects) -> None:
    """Create and update return; the status and failureReason say it in AWS's words, of version and endpoint alike."""
    objects.objects[BUCKET, "bad.zip"] = zipped({"agent.py": ""})
    words = "The specified entrypoint could not be found or accessed in your artifact."
    failed = settled(aws, created(aws, agentRuntimeArtifact=artifact("bad.zip")))
    assert failed["status"] == "CREATE_FAILED"
    assert failed["failureReason"].startswith(words)
    runtime_id = created(aws, "other")
    settled(aws, runtime_id)
    aws.control.update_agent_runtime(
        agentRuntimeId=runtime_id, agentRuntimeArtifact=artifact("bad.zip"), roleArn=ROLE
    )
    assert settled(aws, runtime_id)["status"] == "UPDATE_FAILED"
    endpoint = aws.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
    assert endpoint["liveVersion"] == "1"
    assert endpoint["failureReason"].startswith(words)


def test_an_object_that_is_not_there_is_a_validation_error(aws: Clients) -> None:
    """At once: no runtime comes of it."""
    with pytest.raises(ClientError, match=r"The specified key does not exist: 'nothing\.zip'") as caught:
        created(aws, agentRuntimeArtifact=artifact("nothing.zip"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert aws.control.list_agent_runtimes()["agentRuntimes"] == []


def test_what_nothing_needs_any_more_goes(aws: Clients, settings: Settings, made: ScriptedCode) -> None:
    """A deleted runtime takes its zip and its image along, but not those of another made of the same zip."""
    one, two = created(aws, "one"), created(aws, "two")
    for runtime_id in (one, two):
        settled(aws, runtime_id)
    kept = [(1, 1), (0, 0)]
    for runtime_id, (zips, images) in zip((one, two), kept, strict=True):
        aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
        with pytest.raises(ClientError, match="was not found"):
            settled(aws, runtime_id)
        eventually(lambda: len(list((settings.data_dir / "code").glob("*.zip"))) == zips)  # noqa: B023 - called at once
        assert sum(uri in made.backend.images for uri in made.built) == images


def test_a_version_of_a_zip_survives_the_engine(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, objects: MemoryObjects, made: ScriptedCode
) -> None:
    """Another engine on the same data directory serves it, without the bucket, and tidies what was left behind."""
    with engine_in_thread(settings, backend, clock, Packaging(objects, made)) as running:
        arn = settled(aws := clients_of(running.url), created(aws))["agentRuntimeArn"]
    unfinished, unknown = settings.data_dir / "code" / ".new-abc", settings.data_dir / "code" / "0123.zip"
    unfinished.mkdir()
    unknown.touch()
    fresh = ScriptedBackend()
    with engine_in_thread(settings, fresh, clock, Packaging(MemoryObjects(), ScriptedCode(fresh))) as running:
        answer = clients_of(running.url).data.invoke_agent_runtime(
            agentRuntimeArn=arn, runtimeSessionId=SESSION, payload=b"{}"
        )
        assert answer["response"].read() == b"{}"
    assert not unfinished.exists()
    assert not unknown.exists()
