"""API-key credential providers as boto3 sees them, and who gets the key."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.identity.test_workload_identities import make
from tests.runtime.test_control_plane import create

KEY = "canary-api-key-1f0c"
ARN = "arn:aws:acps:us-west-2:123456789012:token-vault/default/apikeycredentialprovider/weather"
SECRET_ARN = (
    "arn:aws:secretsmanager:us-west-2:123456789012:secret:bedrock-agentcore-identity!default/apikey/weather-"
)


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """The code and message of the error a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def provide(aws: Clients, name: str = "weather", key: str = KEY, **more: Any) -> dict[str, Any]:
    """CreateApiKeyCredentialProvider."""
    made: dict[str, Any] = aws.control.create_api_key_credential_provider(name=name, apiKey=key, **more)
    return made


def token_for(aws: Clients, user: str | None = None, workload: str = "my-agent") -> str:
    """A workload access token, for a user or for nobody."""
    if user is None:
        token: str = aws.data.get_workload_access_token(workloadName=workload)["workloadAccessToken"]
    else:
        token = aws.data.get_workload_access_token_for_user_id(workloadName=workload, userId=user)[
            "workloadAccessToken"
        ]
    return token


def key_of(aws: Clients, token: str, name: str = "weather") -> str:
    """GetResourceApiKey."""
    key: str = aws.data.get_resource_api_key(
        workloadIdentityToken=token, resourceCredentialProviderName=name
    )["apiKey"]
    return key


def test_a_provider_is_made_and_found_but_its_key_is_never_shown(aws: Clients, clock: FakeClock) -> None:
    """201 with AWS's ARNs; Get adds the times; neither answer, nor the listing, holds the key."""
    made = provide(aws)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["credentialProviderArn"] == ARN
    assert made["apiKeySecretArn"]["secretArn"].startswith(SECRET_ARN)
    assert made["apiKeySecretSource"] == "MANAGED"
    found = aws.control.get_api_key_credential_provider(name="weather")
    assert found["createdTime"] == found["lastUpdatedTime"] == clock.now()
    assert found["apiKeySecretArn"] == made["apiKeySecretArn"]
    listed = aws.control.list_api_key_credential_providers()["credentialProviders"]
    assert [each["name"] for each in listed] == ["weather"]
    assert KEY not in f"{made}{found}{listed}"


def test_an_update_changes_the_key_and_not_the_arn(aws: Clients, clock: FakeClock) -> None:
    """What an agent gets from then on is the new key; the secret's ARN and the creation's time stay."""
    before = provide(aws)
    made_at = clock.now()
    make(aws)
    clock.advance(timedelta(minutes=1))
    after = aws.control.update_api_key_credential_provider(name="weather", apiKey="second")
    assert after["apiKeySecretArn"] == before["apiKeySecretArn"]
    assert (after["createdTime"], after["lastUpdatedTime"]) == (made_at, clock.now())
    assert key_of(aws, token_for(aws)) == "second"


def test_a_taken_name_is_refused_in_aws_words(aws: Clients) -> None:
    """ValidationException, as AWS's users observed, and the first provider keeps its key."""
    provide(aws)
    make(aws)
    code, message = refused(aws.control.create_api_key_credential_provider, name="weather", apiKey="another")
    assert (code, message) == (
        "ValidationException",
        "Credential provider with name: weather already exists",
    )
    assert key_of(aws, token_for(aws)) == KEY


def test_what_is_not_there_is_not_found(aws: Clients) -> None:
    """Get, Update and Delete of an unknown provider: 404; a deleted one is unknown, and so is its key."""
    control = aws.control
    for call, more in (
        (control.get_api_key_credential_provider, {}),
        (control.update_api_key_credential_provider, {"apiKey": "x"}),
        (control.delete_api_key_credential_provider, {}),
    ):
        assert refused(call, name="weather", **more)[0] == "ResourceNotFoundException"
    provide(aws)
    make(aws)
    token = token_for(aws)
    deleted = control.delete_api_key_credential_provider(name="weather")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert (
        refused(
            aws.data.get_resource_api_key,
            workloadIdentityToken=token,
            resourceCredentialProviderName="weather",
        )[0]
        == "ResourceNotFoundException"
    )


def test_a_listing_comes_in_pages(aws: Clients) -> None:
    """By name, each provider once."""
    for number in range(5):
        provide(aws, f"p{number}")
    pages = aws.control.get_paginator("list_api_key_credential_providers").paginate(
        PaginationConfig={"PageSize": 2}
    )
    found = [[each["name"] for each in page["credentialProviders"]] for page in pages]
    assert found == [["p0", "p1"], ["p2", "p3"], ["p4"]]


@pytest.mark.parametrize(
    ("params", "member"),
    [
        ({}, "apiKey"),
        ({"apiKeySecretSource": "EXTERNAL"}, "apiKeySecretConfig"),
        (
            {
                "apiKey": KEY,
                "apiKeySecretSource": "EXTERNAL",
                "apiKeySecretConfig": {"secretId": "s", "jsonKey": "k"},
            },
            "apiKey",
        ),
        ({"apiKey": KEY, "apiKeySecretConfig": {"secretId": "s", "jsonKey": "k"}}, "apiKeySecretConfig"),
    ],
)
def test_a_secret_is_given_in_one_place(aws: Clients, params: dict[str, Any], member: str) -> None:
    """Either with the provider or in Secrets Manager, as the source says; the refusal does not repeat it."""
    code, message = refused(aws.control.create_api_key_credential_provider, name="weather", **params)
    assert code == "ValidationException"
    assert message.startswith(f"{member} ")
    assert KEY not in message


def test_a_secret_of_secrets_manager_is_told_where_it_lies(aws: Clients) -> None:
    """Its ARN, key and source are shown; that it is not there is said when it is needed."""
    aws.control.create_api_key_credential_provider(
        name="weather",
        apiKeySecretSource="EXTERNAL",
        apiKeySecretConfig={"secretId": "prod/weather", "jsonKey": "key"},
    )
    found = aws.control.get_api_key_credential_provider(name="weather")
    assert found["apiKeySecretArn"]["secretArn"].endswith(":secret:prod/weather")
    assert (found["apiKeySecretSource"], found["apiKeySecretJsonKey"]) == ("EXTERNAL", "key")


def test_an_account_has_fifty_of_a_kind(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """AWS's quota, which can be raised: one more is 402."""
    quotas = {**settings.quotas, "credential_providers_of_a_kind": 2}
    with engine_in_thread(replace(settings, quotas=quotas), backend, clock) as engine:
        aws = clients_of(engine.url)
        provide(aws, "one")
        provide(aws, "two")
        assert (
            refused(aws.control.create_api_key_credential_provider, name="three", apiKey=KEY)[0]
            == "ServiceQuotaExceededException"
        )


def test_tags_of_a_provider(aws: Clients) -> None:
    """TagResource takes ARNs of bedrock-agentcore, so the provider's is written so there."""
    provide(aws, tags={"team": "a"})
    arn = ARN.replace(":acps:", ":bedrock-agentcore:")
    aws.control.tag_resource(resourceArn=arn, tags={"stage": "test"})
    assert aws.control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a", "stage": "test"}
    aws.control.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert aws.control.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


def test_a_key_needs_a_workload_access_token(aws: Clients, clock: FakeClock) -> None:
    """A token of the workload gets the key for 15 minutes; made-up, altered and expired ones are refused."""
    provide(aws)
    make(aws)
    token = token_for(aws, "alice")
    assert key_of(aws, token) == KEY
    altered = token[:-6] + ("AAAAA=" if token.endswith("=") else "AAAAAA")
    for wrong in ("made-up", altered, "ééé", token[:20]):
        assert refused(
            aws.data.get_resource_api_key,
            workloadIdentityToken=wrong,
            resourceCredentialProviderName="weather",
        ) == ("AccessDeniedException", "The workload access token is not valid.")
    clock.advance(timedelta(minutes=14, seconds=59))
    assert key_of(aws, token) == KEY
    clock.advance(timedelta(seconds=1))
    code, message = refused(
        aws.data.get_resource_api_key, workloadIdentityToken=token, resourceCredentialProviderName="weather"
    )
    assert code == "AccessDeniedException"
    assert "expired" in message


def test_a_token_says_nothing_to_who_holds_it(aws: Clients) -> None:
    """Two tokens for the same are different, and neither holds the name of workload or user in plain."""
    make(aws)
    one, two = token_for(aws, "alice"), token_for(aws, "alice")
    assert one != two
    assert b"alice" not in urlsafe_b64decode(one)
    assert b"my-agent" not in urlsafe_b64decode(one)


def test_a_token_ends_with_its_workload(aws: Clients, clock: FakeClock) -> None:
    """Deleted, and made again under the same name: the old token is nobody's."""
    provide(aws)
    make(aws)
    token = token_for(aws)
    aws.control.delete_workload_identity(name="my-agent")
    wrong = {"workloadIdentityToken": token, "resourceCredentialProviderName": "weather"}
    assert refused(aws.data.get_resource_api_key, **wrong)[0] == "AccessDeniedException"
    clock.advance(timedelta(seconds=1))
    make(aws)
    assert refused(aws.data.get_resource_api_key, **wrong)[0] == "AccessDeniedException"
    assert key_of(aws, token_for(aws)) == KEY


def test_a_token_is_of_one_engine_and_region(
    aws: Clients, settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """A token of another engine, in another region, opens nothing here."""
    provide(aws)
    make(aws)
    other = replace(settings, data_dir=settings.data_dir.parent / "other", region="eu-west-1")
    with engine_in_thread(other, backend, clock) as engine:
        there = clients_of(engine.url, region="eu-west-1")
        make(there)
        foreign = token_for(there)
    assert (
        refused(
            aws.data.get_resource_api_key,
            workloadIdentityToken=foreign,
            resourceCredentialProviderName="weather",
        )[0]
        == "AccessDeniedException"
    )


def test_a_runtimes_identity_gets_its_tokens_from_the_engine_alone(aws: Clients) -> None:
    """A caller who asks in its name is refused in AWS's words; an unknown workload is not found."""
    runtime = create(aws)["agentRuntimeId"]
    assert refused(aws.data.get_workload_access_token, workloadName=runtime) == (
        "ValidationException",
        "WorkloadIdentity is linked to a service and cannot retrieve an access token by the caller.",
    )
    assert (
        refused(aws.data.get_workload_access_token_for_user_id, workloadName="nobody", userId="a")[0]
        == "ResourceNotFoundException"
    )
