"""STS: who a caller is, and credentials that the engine has issued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from agentcore_lab.accounts.accounts import accounts_in
from agentcore_lab.discovery import RunningEngine

Client = Callable[[str], Any]
ROLE = "arn:aws:iam::123456789012:role/path/Agent"


def with_these(credentials: dict[str, Any], service: str) -> Any:
    """A client with temporary credentials."""
    make: Any = boto3.client
    return make(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_a_caller_learns_the_truth_about_itself(client: Client) -> None:
    """The user that the lab's credentials stand for, always with the same unique id."""
    me = client("sts").get_caller_identity()
    assert (me["Account"], me["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/agentcore-lab")
    assert me["UserId"] == client("sts").get_caller_identity()["UserId"]


def test_a_role_can_be_assumed_and_is_then_who_calls(client: Client, beside: RunningEngine) -> None:
    """The credentials are the engine's own, for as long as was asked."""
    before = datetime.now(UTC)
    answer = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="s-1", DurationSeconds=900)
    ends = answer["Credentials"]["Expiration"]
    assert timedelta(seconds=890) < ends - before < timedelta(seconds=960)
    session = "arn:aws:sts::123456789012:assumed-role/Agent/s-1"
    assert answer["AssumedRoleUser"]["Arn"] == session
    with accounts_in(Path(beside.data_dir), beside.account_id) as accounts:
        issued = accounts.of_key(answer["Credentials"]["AccessKeyId"])
    assert issued is not None
    assert issued.principal_arn == session
    me = with_these(answer["Credentials"], "sts").get_caller_identity()
    assert (me["Arn"], me["UserId"]) == (session, answer["AssumedRoleUser"]["AssumedRoleId"])
    control = with_these(answer["Credentials"], "bedrock-agentcore-control")
    assert control.list_agent_runtimes()["agentRuntimes"] == []


def test_a_session_token_keeps_the_caller(client: Client) -> None:
    """GetSessionToken changes the credentials and not who it is."""
    issued = client("sts").get_session_token()["Credentials"]
    assert with_these(issued, "sts").get_caller_identity()["Arn"].endswith(":user/agentcore-lab")
    federated = client("sts").get_federation_token(Name="guest")
    assert federated["FederatedUser"]["Arn"].endswith(":federated-user/guest")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:user/Somebody"}, "ValidationError"),
        ({"RoleSessionName": "with space"}, "ValidationError"),
        ({"DurationSeconds": 43201}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/Agent"}, "AccessDenied"),
    ],
)
def test_what_aws_refuses_is_refused(client: Client, arguments: dict[str, Any], code: str) -> None:
    """Roles, names and durations that are none, and accounts that are not here."""
    with pytest.raises(ClientError) as caught:
        client("sts").assume_role(**{"RoleArn": ROLE, "RoleSessionName": "s-1", **arguments})
    assert caught.value.response["Error"]["Code"] == code


def test_tokens_that_nothing_verifies_buy_nothing(client: Client) -> None:
    """A web identity's token would otherwise be a key to every role."""
    with pytest.raises(ClientError, match="nothing verifies its tokens here"):
        client("sts").assume_role_with_web_identity(
            RoleArn=ROLE, RoleSessionName="s-1", WebIdentityToken="any.any.any"
        )


def test_accounts_do_not_see_each_other(client: Client, beside: RunningEngine) -> None:
    """What one account's key makes is that account's alone."""
    with accounts_in(Path(beside.data_dir), beside.account_id) as accounts:
        other = accounts.credentials(accounts.add("other").id)
    client("ssm").put_parameter(Name="/mine", Value="x", Type="String")
    make: Any = boto3.client
    keys = {
        "aws_access_key_id": other.access_key_id,
        "aws_secret_access_key": other.secret_access_key,
    }
    assert make("sts", **keys).get_caller_identity()["Account"] == other.account_id
    assert make("ssm", **keys).describe_parameters()["Parameters"] == []
    role = make("iam", **keys).create_role(RoleName="R", AssumeRolePolicyDocument="{}")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{other.account_id}:role/R"
