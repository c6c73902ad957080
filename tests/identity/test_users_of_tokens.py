"""Users known by a JWT: whose tokens they are, how a consent is bound to one, and tokens on behalf of a user."""

from __future__ import annotations

from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.identity.grants import Asked, jwt_bearer
from agentcore_lab.testing import Script, ScriptedBackend
from tests.conftest import HELLO, Clients
from tests.identity.issuer import Issuer, hand_made, rsa_key, running_issuer
from tests.identity.oauth_server import CLIENT_ID, OAuthServer
from tests.identity.test_api_keys import refused, token_for
from tests.identity.test_bearer_tokens import call, protected
from tests.identity.test_m2m import custom
from tests.identity.test_oauth2_providers import provide
from tests.identity.test_runtime_tokens import show
from tests.identity.test_user_federation import RETURN_URL, World
from tests.identity.test_workload_identities import make

EXCHANGE = {"grantType": "TOKEN_EXCHANGE", "tokenExchangeGrantTypeConfig": {"actorTokenContent": "NONE"}}


def of_jwt(aws: Clients, jwt: str) -> str:
    """A workload access token for the user of a JWT."""
    token: str = aws.data.get_workload_access_token_for_jwt(workloadName="my-agent", userToken=jwt)[
        "workloadAccessToken"
    ]
    return token


@pytest.fixture
def world(aws: Clients, engine: RunningEngine, server: OAuthServer) -> World:
    """The workload ``my-agent`` and no provider yet."""
    make(aws, allowedResourceOauth2ReturnUrls=[RETURN_URL])
    return World(aws, engine, server)


def consented(world: World, jwt: str) -> str:
    """The token that the user of a JWT lets the agent have; they come back with the same JWT."""
    asked = world.ask(workloadIdentityToken=of_jwt(world.aws, jwt))
    world.consent(asked)
    world.aws.data.complete_resource_token_auth(
        userIdentifier={"userToken": jwt}, sessionUri=asked["sessionUri"]
    )
    token: str = world.ask(workloadIdentityToken=of_jwt(world.aws, jwt))["accessToken"]
    return token


def test_a_user_is_issuer_and_subject(world: World, issuer: Issuer) -> None:
    """Another JWT of Alice is Alice; a user id that reads as hers, another subject, another issuer's Alice are not."""
    provide(world.aws, "CustomOauth2", custom(world.server))
    token = consented(world, issuer.token(jti="1"))
    again = world.ask(workloadIdentityToken=of_jwt(world.aws, issuer.token(jti="2")))
    assert again["accessToken"] == token
    with running_issuer() as other:
        for jwt in (issuer.token(sub="bob"), other.token()):
            assert "accessToken" not in world.ask(workloadIdentityToken=of_jwt(world.aws, jwt))
    for user_id in ("alice", f"{issuer.url}alice", f'["jwt", "{issuer.url}", "alice"]'):
        assert "accessToken" not in world.ask(user_id)


def test_a_consent_is_bound_to_the_jwt_it_began_with(world: World, issuer: Issuer) -> None:
    """Another JWT of the same user is refused, as AWS does; a user id of the same name too."""
    provide(world.aws, "CustomOauth2", custom(world.server))
    jwt = issuer.token(jti="1")
    asked = world.ask(workloadIdentityToken=of_jwt(world.aws, jwt))
    world.consent(asked)
    complete = world.aws.data.complete_resource_token_auth
    for wrong in ({"userToken": issuer.token(jti="2")}, {"userId": "alice"}):
        assert refused(complete, userIdentifier=wrong, sessionUri=asked["sessionUri"]) == (
            "AccessDeniedException",
            "Invalid or expired session",
        )
    complete(userIdentifier={"userToken": jwt}, sessionUri=asked["sessionUri"])


def test_a_users_jwt_is_verified(world: World, issuer: Issuer) -> None:
    """Signature, issuer and times, by the keys of the issuer that it names; the refusal never repeats the token."""
    expired = issuer.token(iat=1, exp=2)
    wrong = {
        "another's key": issuer.token(key=rsa_key(3)),
        "expired": expired,
        "no issuer": issuer.token(iss=None),
        "an issuer that is none": issuer.token(iss="file:///etc/passwd"),
        "an issuer that does not answer": issuer.token(iss="http://127.0.0.1:9"),
        "no subject": issuer.token(sub=None),
        "not signed": hand_made({"alg": "none"}, issuer.claims(), b"nobody"),
        "no JWT": "aaa.bbb.ccc",
    }
    ask = world.aws.data.get_workload_access_token_for_jwt
    for why, token in wrong.items():
        code, message = refused(ask, workloadName="my-agent", userToken=token)
        assert code == "UnauthorizedException", why
        assert token not in message, why
    code, _ = refused(ask, workloadName="nobody", userToken=issuer.token())
    assert code == "ResourceNotFoundException"


def exchanging(world: World, jwt: str, **more: Any) -> dict[str, Any]:
    """The parameters of GetResourceOauth2Token on behalf of a JWT's user."""
    return {
        "workloadIdentityToken": of_jwt(world.aws, jwt),
        "resourceCredentialProviderName": "calendar",
        "oauth2Flow": "ON_BEHALF_OF_TOKEN_EXCHANGE",
        "scopes": ["read"],
        **more,
    }


def test_a_users_token_is_exchanged(world: World, issuer: Issuer) -> None:
    """RFC 8693: the JWT as subject token, with client, scopes and audiences; its type can be said by the caller."""
    provide(world.aws, "CustomOauth2", custom(world.server, onBehalfOfTokenExchangeConfig=EXCHANGE))
    jwt = issuer.token()
    more = {
        "audiences": ["api"],
        "resources": ["https://api.example"],
        "customParameters": {"requested_token_type": "t", "subject_token": "mine", "grant_type": "password"},
    }
    answer = world.aws.data.get_resource_oauth2_token(**exchanging(world, jwt, **more))
    assert [answer["accessToken"]] == world.server.issued
    (asked,) = world.server.asked
    assert asked.method == "client_secret_basic"
    assert asked.form == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "subject_token": [jwt],
        "subject_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
        "scope": ["read"],
        "resource": ["https://api.example"],
        "audience": ["api"],
        "requested_token_type": ["t"],
    }
    kind = "urn:ietf:params:oauth:token-type:jwt"
    world.aws.data.get_resource_oauth2_token(
        **exchanging(world, jwt, customParameters={"subject_token_type": kind})
    )
    assert world.server.asked[1].form["subject_token_type"] == [kind]


def test_the_agents_own_token_as_actor(world: World, issuer: Issuer) -> None:
    """With actorTokenContent M2M the client gets itself a token first, which is the exchange's actor token."""
    actor = {"actorTokenContent": "M2M", "actorTokenScopes": ["act"]}
    exchange = {"grantType": "TOKEN_EXCHANGE", "tokenExchangeGrantTypeConfig": actor}
    provide(world.aws, "CustomOauth2", custom(world.server, onBehalfOfTokenExchangeConfig=exchange))
    world.aws.data.get_resource_oauth2_token(**exchanging(world, issuer.token()))
    own, exchanged = world.server.asked
    assert (own["grant_type"], own["scope"]) == ("client_credentials", "act")
    assert exchanged["actor_token"] == world.server.issued[0]
    assert exchanged["actor_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


def test_a_users_token_as_grant(world: World, issuer: Issuer) -> None:
    """RFC 7523: the JWT is the assertion; NO_CLIENT sends it without a client."""
    world.server.method = None
    config = {
        "clientId": CLIENT_ID,
        "oauthDiscovery": {"discoveryUrl": world.server.discovery_url},
        "onBehalfOfTokenExchangeConfig": {
            "grantType": "JWT_AUTHORIZATION_GRANT",
            "onBehalfOfAuthenticationConfig": {"clientAuthenticationMethod": "NO_CLIENT"},
        },
    }
    provide(world.aws, "CustomOauth2", {"customOauth2ProviderConfig": config})
    jwt = issuer.token()
    answer = world.aws.data.get_resource_oauth2_token(**exchanging(world, jwt))
    assert [answer["accessToken"]] == world.server.issued
    (asked,) = world.server.asked
    assert (asked["grant_type"], asked["assertion"]) == (
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        jwt,
    )
    assert not {"client_id", "client_secret"} & asked.form.keys()


def test_an_agent_exchanges_its_callers_token(world: World, issuer: Issuer, backend: ScriptedBackend) -> None:
    """A runtime with a JWT authorizer: what the agent is handed with a call stands for the very token of its caller."""
    provide(world.aws, "CustomOauth2", custom(world.server, onBehalfOfTokenExchangeConfig=EXCHANGE))
    backend.add(HELLO, Script(answer=show))
    jwt = issuer.token()
    minted = call(world.engine, protected(world.aws, issuer), jwt).json["workloadaccesstoken"]
    asking = {**exchanging(world, jwt), "workloadIdentityToken": minted}
    world.aws.data.get_resource_oauth2_token(**asking)
    assert world.server.asked[0]["subject_token"] == jwt


def test_entra_ids_way_of_saying_it() -> None:
    """The same grant, marked as Entra ID has it."""
    assert ("requested_token_use", "on_behalf_of") in jwt_bearer("a", Asked(()), on_behalf_of=True)


def test_an_exchange_needs_a_jwt_and_a_configuration(world: World, issuer: Issuer) -> None:
    """A user who is only named has no token to exchange; a provider that is not configured for it says so."""
    provide(world.aws, "CustomOauth2", custom(world.server, onBehalfOfTokenExchangeConfig=EXCHANGE))
    ask = world.aws.data.get_resource_oauth2_token
    jwt = issuer.token()
    for token, why in ((token_for(world.aws, "alice"), "a JWT"), (token_for(world.aws), "is of no user")):
        code, message = refused(ask, **exchanging(world, jwt, workloadIdentityToken=token))
        assert code == "ValidationException"
        assert why in message
    provide(world.aws, "CustomOauth2", custom(world.server), "plain")
    plain = exchanging(world, jwt, resourceCredentialProviderName="plain")
    assert "onBehalfOfTokenExchangeConfig" in refused(ask, **plain)[1]
    foreign = {
        "grantType": "TOKEN_EXCHANGE",
        "tokenExchangeGrantTypeConfig": {"actorTokenContent": "AWS_IAM_ID_TOKEN_JWT"},
    }
    provide(world.aws, "CustomOauth2", custom(world.server, onBehalfOfTokenExchangeConfig=foreign), "signed")
    signed = exchanging(world, jwt, resourceCredentialProviderName="signed")
    assert "AWS_IAM_ID_TOKEN_JWT" in refused(ask, **signed)[1]
    assert world.server.asked == []
