"""The configuration of an OAuth2 credential provider: checked as a caller gives it, kept without its secret."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException
from agentcore_lab.identity.client_assertion import PRIVATE_KEY_JWT, signing_configuration
from agentcore_lab.identity.secret_source import MANAGED, SecretInput, secret_input
from agentcore_lab.identity.vendors import (
    CUSTOM,
    CUSTOM_MEMBER,
    KNOWN,
    MICROSOFT,
    Endpoints,
    member_of,
    microsoft,
)

TOKEN_EXCHANGE = "TOKEN_EXCHANGE"  # noqa: S105 - AWS's name of a grant
JWT_GRANT = "JWT_AUTHORIZATION_GRANT"
BASIC = "CLIENT_SECRET_BASIC"
POST = "CLIENT_SECRET_POST"
NO_CLIENT = "NO_CLIENT"
AWS_JWT = "AWS_IAM_ID_TOKEN_JWT"
WITHOUT_SECRET = frozenset({AWS_JWT, PRIVATE_KEY_JWT})
"""How clients authenticate with a signature in place of a secret."""

_CUSTOM_KEPT = (
    "onBehalfOfTokenExchangeConfig",
    "clientAuthenticationMethod",
    "privateEndpoint",
    "privateEndpointOverrides",
    "certificateConfigurations",
)

Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What a caller gave: what to keep, and the client secret, which goes to the vault."""

    configuration: dict[str, Any]
    secret: SecretInput


def read_configuration(vendor: str, union: Input, region: str, before: Input | None = None) -> Given:
    """The configuration of a new provider in ``region``, or of one that had ``before``: its callback URL stays.

    Raises:
        ValidationException: another vendor's member, no client, no secret, or no way to the vendor's endpoints.
    """
    member = member_of(vendor)
    if member not in union:
        raise _wrong("oauth2ProviderConfigInput", f"must have the member {member} for {vendor}")
    given: Input = union[member]
    kept = {
        "member": member,
        "discovery": given["oauthDiscovery"] if vendor == CUSTOM else _discovery(vendor, given),
        "clientId": given.get("clientId"),
        "callbackId": before["callbackId"] if before else str(uuid.uuid4()),
    }
    if vendor == CUSTOM:
        kept |= {name: given[name] for name in _CUSTOM_KEPT if name in given}
        if signing := signing_configuration(given, before or {}, region):
            kept["privateKeyJwtConfig"] = signing
        _check_exchange(given.get("onBehalfOfTokenExchangeConfig", {}))
        _check_methods(given)
    if vendor == MICROSOFT:
        # Entra ID's on-behalf-of needs no configuration (AWS: on-behalf-of-token-exchange).
        kept["onBehalfOfTokenExchangeConfig"] = {"grantType": JWT_GRANT}
    return Given(kept, _secret(given, kept))


def shown(configuration: Input) -> dict[str, Any]:
    """AWS's ``oauth2ProviderConfigOutput``."""
    output = {"oauthDiscovery": configuration["discovery"]}
    if configuration["clientId"]:
        output["clientId"] = configuration["clientId"]
    if configuration["member"] == CUSTOM_MEMBER:
        told = (*_CUSTOM_KEPT, "privateKeyJwtConfig")
        output |= {name: configuration[name] for name in told if name in configuration}
    return {configuration["member"]: output}


def takes_no_client(configuration: Input) -> bool:
    """Whether the exchange on a user's behalf goes without the client's credentials."""
    exchange = configuration.get("onBehalfOfTokenExchangeConfig", {})
    authentication = exchange.get("onBehalfOfAuthenticationConfig", {})
    return bool(authentication.get("clientAuthenticationMethod") == NO_CLIENT)


def _discovery(vendor: str, given: Input) -> dict[str, Any]:
    known = microsoft(given.get("tenantId")) if vendor == MICROSOFT else KNOWN.get(vendor)
    issuer = given.get("issuer") or (known and known.issuer)
    authorization = given.get("authorizationEndpoint") or (known and known.authorization)
    token = given.get("tokenEndpoint") or (known and known.token)
    if issuer and authorization and token:
        return _metadata(Endpoints(issuer, authorization, token))
    if issuer and not authorization and not token:
        return {"discoveryUrl": f"{issuer.rstrip('/')}/.well-known/openid-configuration"}
    raise _wrong(
        "oauth2ProviderConfigInput",
        f"must have issuer, authorizationEndpoint and tokenEndpoint: {vendor} has them for each tenant",
    )


def _metadata(endpoints: Endpoints) -> dict[str, Any]:
    return {
        "authorizationServerMetadata": {
            "issuer": endpoints.issuer,
            "authorizationEndpoint": endpoints.authorization,
            "tokenEndpoint": endpoints.token,
            "responseTypes": ["code"],
        }
    }


def _secret(given: Input, kept: Input) -> SecretInput:
    no_client, method = takes_no_client(kept), given.get("clientAuthenticationMethod")
    # AWS: client-auth-methods; without an id such a client has no users to ask.
    if not given.get("clientId") and not no_client and method != AWS_JWT:
        raise _wrong("clientId", "is required")
    without = no_client or method in WITHOUT_SECRET
    if without and not given.get("clientSecret") and "clientSecretConfig" not in given:
        return SecretInput(MANAGED)
    return secret_input(given, "clientSecret", "clientSecret")


def _check_exchange(exchange: Input) -> None:
    actor = exchange.get("tokenExchangeGrantTypeConfig", {})
    if "actorTokenScopes" in actor and actor["actorTokenContent"] != "M2M":
        raise _wrong("actorTokenScopes", "is valid with actorTokenContent M2M alone")
    if actor and exchange["grantType"] != TOKEN_EXCHANGE:
        raise _wrong("tokenExchangeGrantTypeConfig", f"goes with the grant type {TOKEN_EXCHANGE}")


def _check_methods(given: Input) -> None:
    """AWS: client-auth-methods, "providing both in the same request will result in a validation error"."""
    stated = given["oauthDiscovery"].get("authorizationServerMetadata", {})
    if "tokenEndpointAuthMethods" in stated and "clientAuthenticationMethod" in given:
        raise _wrong("tokenEndpointAuthMethods", "must not be given together with clientAuthenticationMethod")


def _wrong(member: str, why: str) -> ValidationException:
    return ValidationException(f"{member} {why}.", fields=(InvalidField(member, why),))
