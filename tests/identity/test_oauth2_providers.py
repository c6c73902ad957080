"""OAuth2 credential providers as boto3 sees them: every vendor, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock
from tests.conftest import Clients
from tests.identity.test_api_keys import refused

SECRET = "canary-client-secret-0d2f"
CLIENT: dict[str, Any] = {"clientId": "the-client", "clientSecret": SECRET}
DISCOVERY = {"discoveryUrl": "https://idp.example.com/.well-known/openid-configuration"}
CUSTOM = {"customOauth2ProviderConfig": {**CLIENT, "oauthDiscovery": DISCOVERY}}
ENDPOINTS = {
    "issuer": "https://tenant.example.com",
    "authorizationEndpoint": "https://tenant.example.com/authorize",
    "tokenEndpoint": "https://tenant.example.com/token",
}
KNOWN = [
    "XOauth2",
    "FacebookOauth2",
    "YandexOauth2",
    "RedditOauth2",
    "ZoomOauth2",
    "TwitchOauth2",
    "SpotifyOauth2",
    "DropboxOauth2",
    "NotionOauth2",
    "HubspotOauth2",
]
TENANTS = [
    "OktaOauth2",
    "OneLoginOauth2",
    "PingOneOauth2",
    "CyberArkOauth2",
    "FusionAuthOauth2",
    "Auth0Oauth2",
    "CognitoOauth2",
]
OWN = ["google", "github", "slack", "salesforce", "microsoft", "atlassian", "linkedin"]


def provide(
    aws: Clients, vendor: str, config: dict[str, Any], name: str = "calendar", **more: Any
) -> dict[str, Any]:
    """CreateOauth2CredentialProvider."""
    made: dict[str, Any] = aws.control.create_oauth2_credential_provider(
        name=name, credentialProviderVendor=vendor, oauth2ProviderConfigInput=config, **more
    )
    return made


def endpoints_of(made: dict[str, Any], member: str) -> dict[str, Any]:
    """The endpoints an answer tells."""
    output: dict[str, Any] = made["oauth2ProviderConfigOutput"][member]
    assert output["clientId"] == "the-client"
    metadata: dict[str, Any] = output["oauthDiscovery"]["authorizationServerMetadata"]
    return metadata


def test_a_provider_is_made_and_found_but_its_secret_is_never_shown(
    aws: Clients, clock: FakeClock, engine: RunningEngine
) -> None:
    """201 with AWS's ARNs and a callback URL of its own; Get and List tell vendor and times, none the secret."""
    made = provide(aws, "CustomOauth2", CUSTOM)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["credentialProviderArn"].endswith(":token-vault/default/oauth2credentialprovider/calendar")
    assert (
        ":secret:bedrock-agentcore-identity!default/oauth2/calendar-" in made["clientSecretArn"]["secretArn"]
    )
    assert made["callbackUrl"].startswith(f"{engine.url}/identities/oauth2/callback/")
    assert made["oauth2ProviderConfigOutput"] == {
        "customOauth2ProviderConfig": {"clientId": "the-client", "oauthDiscovery": DISCOVERY}
    }
    found = aws.control.get_oauth2_credential_provider(name="calendar")
    assert (found["credentialProviderVendor"], found["status"]) == ("CustomOauth2", "READY")
    assert found["createdTime"] == clock.now()
    (listed,) = aws.control.list_oauth2_credential_providers()["credentialProviders"]
    assert (listed["name"], listed["credentialProviderVendor"]) == ("calendar", "CustomOauth2")
    assert SECRET not in f"{made}{found}{listed}"


def test_each_provider_has_a_callback_of_its_own_which_stays(aws: Clients) -> None:
    """Two providers never share one; an update, also to another vendor, keeps it."""
    one, two = (provide(aws, "CustomOauth2", CUSTOM, name)["callbackUrl"] for name in ("one", "two"))
    assert one != two
    changed = aws.control.update_oauth2_credential_provider(
        name="one",
        credentialProviderVendor="GithubOauth2",
        oauth2ProviderConfigInput={"githubOauth2ProviderConfig": CLIENT},
    )
    assert changed["callbackUrl"] == one
    assert changed["credentialProviderVendor"] == "GithubOauth2"


@pytest.mark.parametrize("name", OWN)
def test_vendors_with_a_member_of_their_own(aws: Clients, name: str) -> None:
    """They need a client alone: their endpoints are known."""
    member = f"{name}Oauth2ProviderConfig"
    made = provide(aws, f"{name.capitalize()}Oauth2", {member: CLIENT})
    for endpoint in ("issuer", "authorizationEndpoint", "tokenEndpoint"):
        assert endpoints_of(made, member)[endpoint].startswith("https://")


def test_microsoft_has_endpoints_for_each_tenant(aws: Clients) -> None:
    """The tenant is part of every one of them."""
    made = provide(
        aws, "MicrosoftOauth2", {"microsoftOauth2ProviderConfig": {**CLIENT, "tenantId": "contoso"}}
    )
    told = endpoints_of(made, "microsoftOauth2ProviderConfig")
    assert told["tokenEndpoint"] == "https://login.microsoftonline.com/contoso/oauth2/v2.0/token"


@pytest.mark.parametrize("vendor", KNOWN)
def test_included_vendors_with_endpoints_for_everybody(aws: Clients, vendor: str) -> None:
    """A client is enough."""
    made = provide(aws, vendor, {"includedOauth2ProviderConfig": CLIENT})
    assert endpoints_of(made, "includedOauth2ProviderConfig")["tokenEndpoint"].startswith("https://")


@pytest.mark.parametrize("vendor", TENANTS)
def test_included_vendors_with_endpoints_for_each_tenant(aws: Clients, vendor: str) -> None:
    """Their endpoints are the caller's to say; without them they are refused; an issuer alone is looked up."""
    code, message = refused(
        aws.control.create_oauth2_credential_provider,
        name="calendar",
        credentialProviderVendor=vendor,
        oauth2ProviderConfigInput={"includedOauth2ProviderConfig": CLIENT},
    )
    assert code == "ValidationException"
    assert "authorizationEndpoint" in message
    made = provide(aws, vendor, {"includedOauth2ProviderConfig": {**CLIENT, **ENDPOINTS}})
    told = endpoints_of(made, "includedOauth2ProviderConfig")
    assert told == {**ENDPOINTS, "responseTypes": ["code"]}
    made = provide(
        aws, vendor, {"includedOauth2ProviderConfig": {**CLIENT, "issuer": ENDPOINTS["issuer"]}}, "other"
    )
    output = made["oauth2ProviderConfigOutput"]["includedOauth2ProviderConfig"]
    url = "https://tenant.example.com/.well-known/openid-configuration"
    assert output["oauthDiscovery"] == {"discoveryUrl": url}


def test_the_union_goes_with_the_vendor(aws: Clients) -> None:
    """Another vendor's member is refused."""
    code, message = refused(
        aws.control.create_oauth2_credential_provider,
        name="calendar",
        credentialProviderVendor="GoogleOauth2",
        oauth2ProviderConfigInput=CUSTOM,
    )
    assert code == "ValidationException"
    assert "googleOauth2ProviderConfig" in message


@pytest.mark.parametrize(
    ("config", "member"),
    [
        ({"clientId": "c"}, "clientSecret"),
        ({"clientSecret": SECRET}, "clientId"),
        (
            {
                **CLIENT,
                "onBehalfOfTokenExchangeConfig": {
                    "grantType": "TOKEN_EXCHANGE",
                    "tokenExchangeGrantTypeConfig": {
                        "actorTokenContent": "NONE",
                        "actorTokenScopes": ["a"],
                    },
                },
            },
            "actorTokenScopes",
        ),
        (
            {
                **CLIENT,
                "onBehalfOfTokenExchangeConfig": {
                    "grantType": "JWT_AUTHORIZATION_GRANT",
                    "tokenExchangeGrantTypeConfig": {"actorTokenContent": "M2M"},
                },
            },
            "tokenExchangeGrantTypeConfig",
        ),
    ],
)
def test_what_cannot_work_is_refused(aws: Clients, config: dict[str, Any], member: str) -> None:
    """A client without a secret, a secret without a client, and settings of another grant."""
    code, message = refused(
        aws.control.create_oauth2_credential_provider,
        name="calendar",
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput={"customOauth2ProviderConfig": {**config, "oauthDiscovery": DISCOVERY}},
    )
    assert code == "ValidationException"
    assert message.startswith(f"{member} ")
    assert SECRET not in message


def test_deleting_and_taken_names(aws: Clients) -> None:
    """A taken name is a ValidationException; a deleted provider's can be used again."""
    provide(aws, "CustomOauth2", CUSTOM)
    again = {
        "name": "calendar",
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": CUSTOM,
    }
    assert refused(aws.control.create_oauth2_credential_provider, **again) == (
        "ValidationException",
        "Credential provider with name: calendar already exists",
    )
    aws.control.delete_oauth2_credential_provider(name="calendar")
    for call, more in (
        (aws.control.get_oauth2_credential_provider, {"name": "calendar"}),
        (aws.control.delete_oauth2_credential_provider, {"name": "calendar"}),
        (aws.control.update_oauth2_credential_provider, again),
    ):
        assert refused(call, **more)[0] == "ResourceNotFoundException"
    provide(aws, "CustomOauth2", CUSTOM)


KEY = "arn:aws:kms:us-west-2:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
SIGNED: dict[str, Any] = {
    "privateKeySource": {"kmsKeySource": {"kmsKeyArn": KEY}},
    "signingAlgorithm": "RS256",
}


def signing(**config: Any) -> dict[str, Any]:
    """A provider whose client signs, with what is told of how."""
    custom = {
        "clientId": "the-client",
        "oauthDiscovery": DISCOVERY,
        "clientAuthenticationMethod": "PRIVATE_KEY_JWT",
        "privateKeyJwtConfig": config,
    }
    return {"customOauth2ProviderConfig": custom}


def test_a_client_that_signs_needs_no_secret(aws: Clients) -> None:
    """What is told of its key comes back; an update changes the fields it has and leaves the others."""
    claims = {"additionalHeaderClaims": {"kid": "one"}, "additionalPayloadClaims": {"aud": "https://x"}}
    made = provide(aws, "CustomOauth2", signing(**SIGNED, **claims))
    output = made["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    assert output["privateKeyJwtConfig"] == {**SIGNED, **claims}
    changed = aws.control.update_oauth2_credential_provider(
        name="calendar",
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput=signing(signingAlgorithm="PS256"),
    )
    output = changed["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    assert output["privateKeyJwtConfig"] == {**SIGNED, **claims, "signingAlgorithm": "PS256"}


@pytest.mark.parametrize(
    ("config", "member"),
    [
        (signing(signingAlgorithm="RS256"), "privateKeyJwtConfig.privateKeySource"),
        (signing(privateKeySource=SIGNED["privateKeySource"]), "privateKeyJwtConfig.signingAlgorithm"),
        (
            signing(
                signingAlgorithm="RS256",
                privateKeySource={"kmsKeySource": {"kmsKeyArn": KEY.replace("us-west-2", "eu-west-1")}},
            ),
            "kmsKeyArn",
        ),
        (signing(**SIGNED, additionalHeaderClaims={"alg": "none"}), "additionalHeaderClaims"),
        (signing(**SIGNED, additionalPayloadClaims={"nbf": "1"}), "additionalPayloadClaims"),
        (
            {
                "customOauth2ProviderConfig": {
                    **CLIENT,
                    "oauthDiscovery": DISCOVERY,
                    "privateKeyJwtConfig": SIGNED,
                }
            },
            "privateKeyJwtConfig",
        ),
        (
            {
                "customOauth2ProviderConfig": {
                    **CLIENT,
                    "clientAuthenticationMethod": "CLIENT_SECRET_POST",
                    "oauthDiscovery": {
                        "authorizationServerMetadata": {
                            **ENDPOINTS,
                            "tokenEndpointAuthMethods": ["client_secret_post"],
                        }
                    },
                }
            },
            "tokenEndpointAuthMethods",
        ),
    ],
    ids=[
        "no key",
        "no algorithm",
        "another region",
        "header claim",
        "payload claim",
        "no method",
        "two methods",
    ],
)
def test_how_a_client_says_who_it_is_must_hold_together(
    aws: Clients, config: dict[str, Any], member: str
) -> None:
    """AWS: private-key-jwt, client-auth-methods."""
    code, message = refused(
        aws.control.create_oauth2_credential_provider,
        name="calendar",
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput=config,
    )
    assert code == "ValidationException"
    assert member in message
