"""GetResourceOauth2Token: tokens of an agent itself, of users who gave their leave, and on behalf of a user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ValidationException
from agentcore_lab.identity.authorization_server import (
    AuthorizationServers,
    ProviderRefused,
    Server,
)
from agentcore_lab.identity.consents import Consent, Consents, Stage, Wanted, invalid_session
from agentcore_lab.identity.grants import (
    Asked,
    client_credentials,
    jwt_bearer,
    refresh,
    token_exchange,
)
from agentcore_lab.identity.oauth2_configuration import TOKEN_EXCHANGE, takes_no_client
from agentcore_lab.identity.provider_secrets import ProviderSecrets
from agentcore_lab.identity.providers import CredentialProviders, Kind, Provider
from agentcore_lab.identity.to_its_end import to_its_end
from agentcore_lab.identity.user_tokens import Kept, UserTokens, key_of
from agentcore_lab.identity.users import User
from agentcore_lab.identity.vendors import MICROSOFT
from agentcore_lab.identity.workload import WorkloadIdentities
from agentcore_lab.identity.workload_tokens import Bearer, WorkloadTokens
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Params, Result

AUTHORIZE = "/identities/oauth2/authorize"
"""Where a user is sent first (observed by AWS's users)."""


class Oauth2Tokens:
    """Answers GetResourceOauth2Token: three flows, told apart by what stands behind the workload access token.

    ``url``: where browsers find the engine.
    """

    def __init__(
        self,
        tokens: WorkloadTokens,
        identities: WorkloadIdentities,
        providers: CredentialProviders,
        secrets: ProviderSecrets,
        servers: AuthorizationServers,
        consents: Consents,
        kept: UserTokens,
        clock: Clock,
        url: str,
    ) -> None:
        self._tokens = tokens
        self._identities = identities
        self._providers = providers
        self._secrets = secrets
        self._servers = servers
        self._consents = consents
        self._kept = kept
        self._clock = clock
        self._url = url
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, scope: Scope, params: Params) -> Result:
        """AWS: GetResourceOauth2Token.

        Raises:
            AccessDeniedException: the workload access token is not valid, or the session is not its user's.
            ResourceNotFoundException: no such provider.
            ValidationException: the flow cannot be had so, or the provider granted nothing.
        """
        bearer = self._tokens.read(scope, params["workloadIdentityToken"])
        provider = self._providers.get(scope, Kind.OAUTH2, params["resourceCredentialProviderName"])
        match params["oauth2Flow"]:
            case "M2M":
                return {"accessToken": await self._for_itself(provider, _asked(params))}
            case "USER_FEDERATION":
                return await self._for_user(provider, bearer, params)
            case _:
                return {"accessToken": await self._on_behalf(provider, bearer, _asked(params))}

    async def _for_itself(self, provider: Provider, asked: Asked) -> str:
        # Asked for anew each time: AWS was seen to do so too.
        server = await self._servers.find(provider.configuration["discovery"])
        form = client_credentials(asked)
        return (
            await self._servers.grant(server, await self._secrets.client(provider), form, "ClientCredentials")
        ).access_token

    async def _for_user(self, provider: Provider, bearer: Bearer, params: Params) -> Result:
        wanted = self._wanted(provider, _user(bearer), bearer.workload, params)
        if (uri := params.get("sessionUri")) is not None:
            return await self._of_session(provider, wanted, uri)
        if not params.get("forceAuthentication") and (token := await self._token(provider, wanted)):
            return {"accessToken": token}
        await self._authorizable(provider)
        return self._pending(self._consents.ask(wanted))

    async def _of_session(self, provider: Provider, wanted: Wanted, uri: str) -> Result:
        consent = self._consents.of_uri(uri)
        ours = consent.wanted
        if (ours.scope, ours.provider, ours.workload, ours.user.id) != (
            wanted.scope,
            wanted.provider,
            wanted.workload,
            wanted.user.id,
        ):
            raise invalid_session()
        if consent.stage is Stage.FAILED:
            return {"sessionUri": uri, "sessionStatus": "FAILED"}
        if consent.stage is not Stage.DONE:
            return self._pending(consent)
        if token := await self._token(provider, ours):
            return {"accessToken": token}
        return self._pending(self._consents.ask(ours))

    async def _token(self, provider: Provider, wanted: Wanted) -> str | None:
        """A token that lasts, refreshed if need be; None when the user must be asked."""
        return await to_its_end(self._in_turn(provider, wanted))

    async def _in_turn(self, provider: Provider, wanted: Wanted) -> str | None:
        # A refresh token may be used up by its use: two calls at once must not both use it.
        async with self._turns.setdefault(key_of(wanted), asyncio.Lock()):
            kept = self._kept.get(wanted)
            if kept is None or kept.lasts(self._clock.now()):
                return kept.access_token if kept else None
            return await self._refreshed(provider, wanted, kept)

    async def _refreshed(self, provider: Provider, wanted: Wanted, kept: Kept) -> str | None:
        if kept.refresh_token is not None:
            server = await self._servers.find(provider.configuration["discovery"])
            form = refresh(kept.refresh_token, wanted.resources)
            try:
                granted = await self._servers.grant(
                    server, await self._secrets.client(provider), form, "RefreshToken"
                )
            except ProviderRefused as refusal:
                if refusal.error != "invalid_grant":
                    raise
            else:
                return self._kept.keep(wanted, granted, kept.refresh_token).access_token
        self._kept.drop(wanted)
        return None

    async def _on_behalf(self, provider: Provider, bearer: Bearer, asked: Asked) -> str:
        user = _user(bearer)
        exchange = provider.configuration.get("onBehalfOfTokenExchangeConfig")
        if exchange is None:
            raise ValidationException(
                f"Credential provider {provider.name} has no onBehalfOfTokenExchangeConfig."
            )
        if user.token is None:
            raise ValidationException(
                "A token on behalf of a user is exchanged for the user's own: the workload access token must come of "
                "a JWT (GetWorkloadAccessTokenForJWT)."
            )
        server = await self._servers.find(provider.configuration["discovery"])
        client = None if takes_no_client(provider.configuration) else await self._secrets.client(provider)
        if exchange["grantType"] == TOKEN_EXCHANGE:
            actor = await self._actor(provider, server, exchange.get("tokenExchangeGrantTypeConfig", {}))
            form = token_exchange(user.token, actor, asked)
        else:
            form = jwt_bearer(user.token, asked, on_behalf_of=provider.vendor == MICROSOFT)
        return (await self._servers.grant(server, client, form, "TokenExchange")).access_token

    async def _actor(self, provider: Provider, server: Server, how: Mapping[str, Any]) -> str | None:
        content = how.get("actorTokenContent", "NONE")
        if content == "NONE":
            return None
        if content != "M2M":
            raise ValidationException(
                f"This engine has no {content}: use actorTokenContent M2M or NONE for {provider.name}."
            )
        form = client_credentials(Asked(how.get("actorTokenScopes", ())))
        granted = await self._servers.grant(
            server, await self._secrets.client(provider), form, "ClientCredentials"
        )
        return granted.access_token

    async def _authorizable(self, provider: Provider) -> None:
        server = await self._servers.find(provider.configuration["discovery"])
        if not server.authorization_endpoint:
            raise ValidationException(
                f"The provider of {provider.name} has no authorization endpoint: users cannot be asked."
            )

    def _wanted(self, provider: Provider, user: User, workload: str, params: Params) -> Wanted:
        allowed = self._identities.get(provider.scope, workload).return_urls
        return_url = params.get("resourceOauth2ReturnUrl")
        if return_url is None or not allowed:
            raise ValidationException(
                "You must register and use at least one ResourceOauth2ReturnUrl on your workload identity to use "
                "this flow"
            )
        if return_url not in allowed:
            raise ValidationException(
                f"The resourceOauth2ReturnUrl is none of the allowedResourceOauth2ReturnUrls of workload identity "
                f"{workload}."
            )
        return Wanted(
            scope=provider.scope,
            provider=provider.name,
            workload=workload,
            user=user,
            scopes=tuple(params["scopes"]),
            resources=tuple(params.get("resources", ())),
            audiences=tuple(params.get("audiences", ())),
            return_url=return_url,
            custom_state=params.get("customState"),
            custom_parameters=params.get("customParameters", {}),
        )

    def _pending(self, consent: Consent) -> Result:
        return {
            "authorizationUrl": f"{self._url}{AUTHORIZE}?request_uri={consent.uri}",
            "sessionUri": consent.uri,
            "sessionStatus": "IN_PROGRESS",
        }


def _asked(params: Params) -> Asked:
    return Asked(
        params["scopes"],
        params.get("resources", ()),
        params.get("audiences", ()),
        params.get("customParameters", {}),
    )


def _user(bearer: Bearer) -> User:
    if bearer.user is None:
        raise ValidationException(
            "The workload access token is of no user: get one for a user (GetWorkloadAccessTokenForJWT, "
            "GetWorkloadAccessTokenForUserId)."
        )
    return bearer.user
