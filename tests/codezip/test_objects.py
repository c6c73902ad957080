"""Zips out of the S3 behind an engine's port: which object is read, and what is said of one that cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_lab.accounts.handed_out import client_session, credentials_for
from agentcore_lab.codezip import objects as module
from agentcore_lab.codezip.code import Location
from agentcore_lab.codezip.objects import S3Objects
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.errors import AccessDeniedException, ValidationException
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread

ACCOUNT = "123456789012"
BUCKET = "agents-of-test-objects"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One engine, and one moto, for all of these tests."""
    folder = tmp_path_factory.mktemp("engine")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    with engine_in_thread(settings, ScriptedBackend(), FakeClock()) as engine:
        yield engine


@pytest.fixture(scope="module")
def s3(running: RunningEngine) -> Iterator[Any]:
    """A client, and a bucket that keeps versions."""
    client = client_session(running).client("s3", endpoint_url=running.url)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": running.region})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def read(running: RunningEngine, tmp_path: Path) -> Any:
    """Reads an object as the engine does."""
    source = S3Objects(running.url, running.region, lambda _: credentials_for(running).environment())

    def fetched(key: str, version_id: str | None = None, bucket: str = BUCKET) -> bytes:
        target = tmp_path / "fetched"
        asyncio.run(source.fetch(ACCOUNT, Location(bucket, key, version_id), target))
        return target.read_bytes()

    return fetched


def test_the_newest_object_or_the_version_asked_for(s3: Any, read: Any) -> None:
    """The prefix of AWS's model is a key, with slashes and all."""
    first = s3.put_object(Bucket=BUCKET, Key="a b/ä.zip", Body=b"first")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="a b/ä.zip", Body=b"second")
    assert read("a b/ä.zip") == b"second"
    assert read("a b/ä.zip", first) == b"first"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ({"key": "nothing.zip"}, "The specified key does not exist: 'nothing.zip' in bucket"),
        ({"key": "a", "bucket": "nobodys-bucket"}, "The specified bucket does not exist: 'nobodys-bucket'"),
        ({"key": "there.zip", "version_id": "11111111-aaaa"}, "The specified version does not exist"),
    ],
)
def test_what_is_not_there(s3: Any, read: Any, location: dict[str, str], words: str) -> None:
    """S3's words, as the ValidationException of the call that asked for it."""
    s3.put_object(Bucket=BUCKET, Key="there.zip", Body=b"zip")
    with pytest.raises(ValidationException) as caught:
        read(**location)
    assert words in caught.value.message
    assert caught.value.fields[0].name == "agentRuntimeArtifact.codeConfiguration.code.s3"


def test_an_object_that_is_too_large(s3: Any, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read at all."""
    monkeypatch.setattr(module, "MAX_ZIPPED_BYTES", 1024**2)
    s3.put_object(Bucket=BUCKET, Key="large.zip", Body=b"x" * (1024**2 + 1))
    with pytest.raises(ValidationException, match="maximum compressed size of 1 MB"):
        read("large.zip")


def test_an_object_that_may_not_be_read() -> None:
    """AWS wants s3:GetObject of the caller of CreateAgentRuntime; moto refuses nobody."""
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")
    told = module._told(error, Location(BUCKET, "key"))
    assert isinstance(told, AccessDeniedException)
    assert "s3:GetObject" in told.message
