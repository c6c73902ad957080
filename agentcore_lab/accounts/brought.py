"""Credentials that whoever runs the engine has given somebody else, in the environment of the latter's programs."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.accounts.accounts import AccountError
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.settings import lab_key_in_environment

_ASK = "Ask whoever runs it for the output of `agentcore-lab env --lab --account NAME`."


def credentials_brought(url: str, region: str, account: str | None = None) -> Credentials:
    """Those of the environment, and whose the engine at ``url`` says they are; ``account`` is an id they have to be of.

    Raises:
        AccountError: there are none, the engine does not know them, or they are another account's.
    """
    brought = lab_key_in_environment()
    if brought is None:
        raise AccountError(
            f"AGENTCORE_LAB_URL leads to {url}, and there are no credentials for it in the environment "
            f"(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). {_ASK}"
        )
    key, secret, token = brought
    try:
        asked: Any = boto3.client(
            "sts",
            endpoint_url=url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        ).get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise AccountError(
            f"The engine at {url} does not take the credentials in the environment: {error}. {_ASK}"
        ) from error
    if account not in {None, asked["Account"]}:
        raise AccountError(
            f"The credentials in the environment are of account {asked['Account']}, and {account!r} was asked for: "
            f"leave it out, or have the other's credentials in the environment. {_ASK}"
        )
    return Credentials(key, secret, asked["Account"], asked["Arn"], token)
