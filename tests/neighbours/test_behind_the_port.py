"""One endpoint URL serves a whole script: AgentCore's own calls, and those of the services beside it."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_lab.discovery import RunningEngine

Client = Callable[[str], Any]
HERE = {"LocationConstraint": "us-west-2"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def test_one_variable_leads_every_client_to_the_engine(client: Client) -> None:
    """AgentCore, S3, IAM, STS: a script that names no endpoint works as a whole."""
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    role = client("iam").create_role(RoleName="Agent", AssumeRolePolicyDocument=TRUST)["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/Agent"
    client("s3").create_bucket(Bucket="whole-script", CreateBucketConfiguration=HERE)
    assert client("bedrock-agentcore-control").list_agent_runtimes()["agentRuntimes"] == []


@pytest.mark.parametrize(
    ("service", "call", "arguments", "member"),
    [
        ("ecr", "describe_repositories", {}, "repositories"),
        ("codebuild", "list_projects", {}, "projects"),
        ("cognito-idp", "list_user_pools", {"MaxResults": 1}, "UserPools"),
        ("ssm", "describe_parameters", {}, "Parameters"),
        ("secretsmanager", "list_secrets", {}, "SecretList"),
        ("kms", "list_keys", {}, "Keys"),
        ("logs", "describe_log_groups", {}, "logGroups"),
        ("xray", "get_trace_summaries", {"StartTime": 0, "EndTime": 1}, "TraceSummaries"),
        ("dynamodb", "list_tables", {}, "TableNames"),
    ],
)
def test_every_offered_service_answers(
    client: Client, service: str, call: str, arguments: dict[str, Any], member: str
) -> None:
    """Each in its own protocol."""
    assert getattr(client(service), call)(**arguments)[member] == []


def test_objects_come_back_byte_for_byte(client: Client) -> None:
    """Keys with spaces, percent signs and slashes; parts and whole; a checksum; a large one in parts."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bytes", CreateBucketConfiguration=HERE)
    s3.put_object(Bucket="bytes", Key="a b/c%2F+é.zip", Body=b"small", ChecksumAlgorithm="CRC32")
    listed = s3.list_objects_v2(Bucket="bytes")["Contents"]
    assert [(item["Key"], item["Size"]) for item in listed] == [("a b/c%2F+é.zip", 5)]
    assert s3.head_object(Bucket="bytes", Key="a b/c%2F+é.zip")["ContentLength"] == 5
    assert s3.get_object(Bucket="bytes", Key="a b/c%2F+é.zip", Range="bytes=1-2")["Body"].read() == b"ma"
    body = bytes(range(256)) * 40_000
    upload = s3.create_multipart_upload(Bucket="bytes", Key="large")["UploadId"]
    parts = []
    for number, part in enumerate((body[: 6 << 20], body[6 << 20 :]), start=1):
        which = {"Bucket": "bytes", "Key": "large", "UploadId": upload, "PartNumber": number}
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**which, Body=part)["ETag"]})
    s3.complete_multipart_upload(
        Bucket="bytes", Key="large", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    got = s3.get_object(Bucket="bytes", Key="large")["Body"].read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()


def test_presigned_urls_need_no_client(client: Client) -> None:
    """A URL made by the old or the new signature is read by any HTTP client."""
    s3 = client("s3")
    s3.create_bucket(Bucket="presigned", CreateBucketConfiguration=HERE)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "presigned", "Key": "k"})
    urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT")).close()
    with urllib.request.urlopen(
        s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    ) as got:
        assert got.read() == b"by url"


def test_a_bucket_in_a_host_name_is_found(client: Client, beside: RunningEngine) -> None:
    """Virtual-hosted style, as clients use it that know AWS's names alone."""
    s3 = client("s3")
    s3.create_bucket(Bucket="by-host", CreateBucketConfiguration=HERE)
    s3.put_object(Bucket="by-host", Key="k", Body=b"found", ACL="public-read")
    with closing(http.client.HTTPConnection(beside.url.removeprefix("http://"))) as connection:
        connection.request("GET", "/k", headers={"Host": "by-host.s3.us-west-2.amazonaws.com"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"found")
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("service", "call", "signs"),
    [
        ("sqs", "list_queues", "sqs"),
        ("ec2", "describe_instances", "ec2"),
        ("sns", "list_topics", "sns"),
        ("lambda", "list_functions", "lambda"),
        ("route53", "list_hosted_zones", "route53"),
        ("cloudwatch", "list_metrics", "monitoring"),
    ],
)
def test_a_service_that_is_not_offered_says_what_is(
    client: Client, service: str, call: str, signs: str
) -> None:
    """In every protocol of AWS: JSON, query, EC2's, REST with JSON and with XML, Smithy's CBOR."""
    with pytest.raises(ClientError) as caught:
        getattr(client(service), call)()
    error = caught.value.response["Error"]
    assert error["Code"] == "NotImplementedException"
    assert error["Message"].startswith(f"agentcore-lab does not offer {signs}. Behind this address answer: ")
    assert "CloudWatch Logs" in error["Message"]


def test_an_operation_that_moto_lacks_is_told_as_one(client: Client) -> None:
    """Not by a page of HTML."""
    with pytest.raises(ClientError, match="moto, which plays X-Ray here, has no answer to POST /Groups"):
        client("xray").get_groups()


def test_motos_own_interface_is_out_of_reach(client: Client) -> None:
    """A bucket of that name is a bucket: nobody resets the state through S3."""
    s3 = client("s3")
    s3.create_bucket(Bucket="moto-api", CreateBucketConfiguration=HERE)
    s3.put_object(Bucket="moto-api", Key="reset", Body=b"kept")
    assert s3.get_object(Bucket="moto-api", Key="reset")["Body"].read() == b"kept"


def test_unsigned_calls_of_cognito_find_it(client: Client, beside: RunningEngine) -> None:
    """Signing in needs no signature, nor do a pool's keys."""
    cognito = client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    app = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="web", ExplicitAuthFlows=["USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="ada")
    cognito.admin_set_user_password(UserPoolId=pool, Username="ada", Password="Secret-123", Permanent=True)
    tokens = cognito.initiate_auth(
        ClientId=app,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Secret-123"},
    )["AuthenticationResult"]
    assert tokens["AccessToken"].count(".") == 2
    with urllib.request.urlopen(f"{beside.url}/{pool}/.well-known/jwks.json") as keys:
        assert json.load(keys)["keys"]


def test_sts_hands_out_what_the_engine_takes(client: Client, beside: RunningEngine) -> None:
    """Credentials of a role, of a session and of a user; each stands for whom GetCallerIdentity names."""
    own = client("sts").get_caller_identity()
    assert own["Arn"] == "arn:aws:iam::123456789012:user/agentcore-lab"
    role = client("iam").create_role(RoleName="Assumed", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    client("iam").create_user(UserName="ada")
    key = client("iam").create_access_key(UserName="ada")["AccessKey"]
    issued = {
        "arn:aws:sts::123456789012:assumed-role/Assumed/one": client("sts").assume_role(
            RoleArn=role, RoleSessionName="one"
        )["Credentials"],
        own["Arn"]: client("sts").get_session_token()["Credentials"],
        "arn:aws:iam::123456789012:user/ada": key,
    }
    for arn, keys in issued.items():
        assert as_holder(beside, "sts", keys).get_caller_identity()["Arn"] == arn
        listed = as_holder(beside, "bedrock-agentcore-control", keys).list_agent_runtimes()
        assert listed["agentRuntimes"] == []
    client("iam").delete_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        as_holder(beside, "sts", key).get_caller_identity()
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole"):
        client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/Theirs", RoleSessionName="one")


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ecr", "describe_repositories", "UnrecognizedClientException"),
    ],
)
def test_strangers_are_refused_in_the_services_own_words(
    beside: RunningEngine, service: str, call: str, code: str
) -> None:
    """Each family of services has its own code for a key that nobody has."""
    nobody = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}
    with pytest.raises(ClientError) as caught:
        getattr(as_holder(beside, service, nobody), call)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def as_holder(engine: RunningEngine, service: str, keys: Mapping[str, Any]) -> Any:
    """A client with these credentials."""
    session = boto3.Session(
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys.get("SessionToken"),
        region_name=engine.region,
    )
    config = Config(retries={"total_max_attempts": 1})
    make: Any = session.client
    return make(service, endpoint_url=engine.url, config=config)
