"""What is in the services beside AgentCore survives the engine's end, whichever way it ends."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread
from tests.programs import Program

HERE = {"LocationConstraint": "us-west-2"}
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
LARGE = bytes(range(256)) * 30_000
Client = Callable[[str], Any]


@contextmanager
def engine(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """boto3.client with an engine on this data directory behind it."""
    settings = Settings(data_dir=data_dir, cache_dir=data_dir, port=0, quotas=UNMETERED)
    with engine_in_thread(settings, ScriptedBackend(), FakeClock()) as running:
        for name, value in client_environment(running).items():
            monkeypatch.setenv(name, value)
        make: Any = boto3.client
        client: Client = make
        yield client


def test_all_services_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects and their versions, roles, repositories, projects, users that can still sign in, secrets, tables."""
    with engine(tmp_path, monkeypatch) as client:
        first = fill(client)
        at_once = look(client, first)
    with engine(tmp_path, monkeypatch) as client:
        assert look(client, first) == at_once


def fill(client: Client) -> dict[str, str]:
    """Something in every service; the ids that were given."""
    s3, cognito, ids = client("s3"), client("cognito-idp"), {}
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration=HERE)
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    ids["version"] = s3.put_object(Bucket="kept", Key="k", Body=b"one", Metadata={"a": "b"})["VersionId"]
    s3.put_object(Bucket="kept", Key="k", Body=LARGE)
    s3.put_bucket_lifecycle_configuration(
        Bucket="kept",
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 7}}]
        },
    )
    ids["upload"] = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    ids["part"] = s3.upload_part(
        Bucket="kept", Key="parts", PartNumber=1, UploadId=ids["upload"], Body=b"part"
    )["ETag"]
    client("iam").create_role(RoleName="Agent", AssumeRolePolicyDocument=ALLOW)
    client("iam").put_role_policy(RoleName="Agent", PolicyName="p", PolicyDocument=ALLOW)
    client("ecr").create_repository(repositoryName="agent")
    client("codebuild").create_project(
        name="builder",
        source={"type": "S3", "location": "kept/k"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "ARM_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/Agent",
    )
    ids["pool"] = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    ids["app"] = cognito.create_user_pool_client(
        UserPoolId=ids["pool"], ClientName="web", ExplicitAuthFlows=["USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=ids["pool"], Username="ada")
    cognito.admin_set_user_password(
        UserPoolId=ids["pool"], Username="ada", Password="Secret-123", Permanent=True
    )
    client("ssm").put_parameter(Name="/a", Value="b", Type="String", Tags=[{"Key": "team", "Value": "lab"}])
    client("secretsmanager").create_secret(Name="s", SecretString="t")
    signing = {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}
    ids["key"] = client("kms").create_key(**signing)["KeyMetadata"]["KeyId"]
    client("logs").create_log_group(logGroupName="g")
    client("dynamodb").create_table(
        TableName="facts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName="facts", Item={"id": {"S": "1"}, "n": {"N": "7"}})
    return ids


def look(client: Client, ids: dict[str, str]) -> dict[str, Any]:
    """What each service says of what was put there."""
    s3, old = client("s3"), {"Bucket": "kept", "Key": "k", "VersionId": ids["version"]}
    first = s3.get_object(**old)
    signed_in = client("cognito-idp").initiate_auth(
        ClientId=ids["app"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Secret-123"},
    )
    return {
        "first": (first["Body"].read(), first["Metadata"], first["LastModified"], first["ETag"]),
        "latest": s3.get_object(Bucket="kept", Key="k")["Body"].read() == LARGE,
        "parts": [
            part["ETag"]
            for part in s3.list_parts(Bucket="kept", Key="parts", UploadId=ids["upload"])["Parts"]
        ],
        "role": client("iam").get_role(RoleName="Agent")["Role"]["RoleId"],
        "policies": client("iam").list_role_policies(RoleName="Agent")["PolicyNames"],
        "repository": client("ecr").describe_repositories()["repositories"][0]["repositoryUri"],
        "project": client("codebuild").batch_get_projects(names=["builder"])["projects"][0]["arn"],
        "signed in": "AccessToken" in signed_in["AuthenticationResult"],
        "parameter": client("ssm").get_parameter(Name="/a")["Parameter"]["Value"],
        "tags": client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/a")["TagList"],
        "secret": client("secretsmanager").get_secret_value(SecretId="s")["SecretString"],
        "key": client("kms").get_public_key(KeyId=ids["key"])["PublicKey"],
        "groups": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
        "item": client("dynamodb").get_item(TableName="facts", Key={"id": {"S": "1"}})["Item"],
    }


def test_a_process_that_is_killed_has_lost_a_moment_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes are saved as they come; the next call starts the process again."""
    with engine(tmp_path, monkeypatch) as client:
        s3 = client("s3")
        s3.create_bucket(Bucket="kept", CreateBucketConfiguration=HERE)
        s3.put_object(Bucket="kept", Key="k", Body=b"before")
        saved = tmp_path / "neighbours" / "s3.pickle"
        for _ in range(600):
            if saved.exists() and list((tmp_path / "neighbours" / "objects").iterdir()):
                break
            time.sleep(0.1)
        [moto] = [
            each for each in psutil.Process().children() if "agentcore_lab.neighbours.child" in each.cmdline()
        ]
        os.kill(moto.pid, signal.SIGKILL)
        moto.wait(60)
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"before"


def test_contents_go_with_their_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted or written over leaves no file behind, and nobody else may read what is there."""
    objects = tmp_path / "neighbours" / "objects"
    with engine(tmp_path, monkeypatch) as client:
        client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration=HERE)
        client("s3").put_object(Bucket="kept", Key="a", Body=b"1")
        client("s3").put_object(Bucket="kept", Key="b", Body=b"2")
    assert len(list(objects.iterdir())) == 2
    with engine(tmp_path, monkeypatch) as client:
        client("s3").put_object(Bucket="kept", Key="a", Body=b"3")
        client("s3").delete_object(Bucket="kept", Key="b")
    [left] = objects.iterdir()
    assert left.read_bytes() == b"3", "what is changed after a restart is saved like the rest"
    assert left.stat().st_mode & 0o077 == 0


def test_what_another_moto_saved_is_put_aside_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data directory says that it is not there any more; the contents of objects stay."""
    folder = tmp_path / "neighbours"
    with engine(tmp_path, monkeypatch) as client:
        client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration=HERE)
        client("s3").put_object(Bucket="kept", Key="a", Body=b"1")
    (folder / "moto-version").write_text("4.0.0")
    with engine(tmp_path, monkeypatch) as client:
        assert client("s3").list_buckets()["Buckets"] == []
        client("s3").create_bucket(Bucket="new", CreateBucketConfiguration=HERE)
    assert (folder / "s3.unreadable").exists()
    assert [path.read_bytes() for path in (folder / "objects").iterdir()] == [b"1"]
    assert "another version of moto has saved s3" in (tmp_path / "neighbours.log").read_text()


def test_an_engine_that_is_killed_takes_the_process_along(tmp_path: Path) -> None:
    """What was changed at the last moment is saved, and nothing is left behind."""
    program = Program(tmp_path / "data")
    with program.serving("--sandbox", "process", "--port", "0") as serving:
        variables = client_environment(serving.engine)
        make: Any = boto3.client
        s3 = make(
            "s3",
            endpoint_url=serving.engine.url,
            region_name="us-west-2",
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        s3.create_bucket(Bucket="kept", CreateBucketConfiguration=HERE)
        [moto] = [
            each
            for each in psutil.Process(serving.engine.pid).children()
            if "agentcore_lab.neighbours.child" in each.cmdline()
        ]
        folder = Path(moto.cmdline()[3]).parent
        s3.put_object(Bucket="kept", Key="k", Body=b"the last moment")
        os.kill(serving.engine.pid, signal.SIGKILL)
        moto.wait(90)
    assert not folder.exists()
    [content] = (tmp_path / "data" / "neighbours" / "objects").iterdir()
    assert content.read_bytes() == b"the last moment"
