"""Two accounts on one engine: what one keeps in its vault is nobody else's, whatever token is shown."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from agentcore_lab.accounts.accounts import accounts_in
from agentcore_lab.accounts.handed_out import client_session
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from tests.conftest import Clients
from tests.identity.oauth_server import OAuthServer
from tests.identity.test_api_keys import key_of, provide, refused, token_for
from tests.identity.test_m2m import custom
from tests.identity.test_oauth2_providers import provide as provide_oauth2
from tests.identity.test_user_federation import KMS_KEY, RETURN_URL, World
from tests.identity.test_workload_identities import make


@pytest.fixture
def theirs(engine: RunningEngine, settings: Settings) -> Clients:
    """boto3 clients of another account."""
    with accounts_in(settings.data_dir, engine.account_id) as accounts:
        accounts.add("others")
    session = client_session(engine, account="others")
    config = Config(retries={"total_max_attempts": 1})
    services: list[Any] = [
        session.client(name, endpoint_url=engine.url, config=config)
        for name in ("bedrock-agentcore-control", "bedrock-agentcore")
    ]
    return Clients(*services)


def test_names_and_keys_are_each_accounts_own(aws: Clients, theirs: Clients) -> None:
    """The same names are other things; neither sees, lists, changes or deletes the other's."""
    for clients, key in ((aws, "ours"), (theirs, "theirs")):
        make(clients)
        arn = provide(clients, key=key)["credentialProviderArn"]
        assert key_of(clients, token_for(clients, "alice")) == key
        assert len(clients.control.list_api_key_credential_providers()["credentialProviders"]) == 1
    assert ":123456789012:" not in arn
    theirs.control.delete_api_key_credential_provider(name="weather")
    assert key_of(aws, token_for(aws)) == "ours"


def test_a_token_is_of_one_account(aws: Clients, theirs: Clients) -> None:
    """A workload access token of the one opens nothing when the other shows it."""
    for clients in (aws, theirs):
        make(clients)
        provide(clients)
    shown = {"workloadIdentityToken": token_for(aws, "alice"), "resourceCredentialProviderName": "weather"}
    assert refused(theirs.data.get_resource_api_key, **shown) == (
        "AccessDeniedException",
        "The workload access token is not valid.",
    )


def test_a_users_tokens_and_sessions_are_of_one_account(
    aws: Clients, theirs: Clients, engine: RunningEngine, server: OAuthServer
) -> None:
    """The same user of the same workload and provider, in another account: asked again; no session is shared."""
    ours, other = World(aws, engine, server), World(theirs, engine, server)
    for world in (ours, other):
        make(world.aws, allowedResourceOauth2ReturnUrls=[RETURN_URL])
        provide_oauth2(world.aws, "CustomOauth2", custom(server))
    token = ours.granted()
    asked = other.ask()
    assert "accessToken" not in asked
    other.consent(asked)
    foreign = {"userIdentifier": {"userId": "alice"}, "sessionUri": asked["sessionUri"]}
    assert refused(aws.data.complete_resource_token_auth, **foreign)[0] == "AccessDeniedException"
    other.complete(asked)
    theirs_too = other.ask()["accessToken"]
    assert theirs_too != token
    assert ours.ask()["accessToken"] == token
    aws.control.set_token_vault_cmk(kmsConfiguration={"keyType": "CustomerManagedKey", "kmsKeyArn": KMS_KEY})
    aws.control.reset_token_vault_key_material(
        tokenVaultId="default"
    )  # users of this account are asked again
    assert "accessToken" not in ours.ask()
    assert other.ask()["accessToken"] == theirs_too


def test_each_account_has_a_vault_with_a_key_of_its_own(aws: Clients, theirs: Clients) -> None:
    """A change of the one's key is none of the other's."""
    make(theirs)
    provide(theirs)
    aws.control.set_token_vault_cmk(kmsConfiguration={"keyType": "CustomerManagedKey", "kmsKeyArn": KMS_KEY})
    assert theirs.control.get_token_vault()["kmsConfiguration"] == {"keyType": "ServiceManagedKey"}
    assert key_of(theirs, token_for(theirs))
