"""A user's way through a consent: to the provider, back to the engine, on to the application, which completes it."""

from __future__ import annotations

import hmac
from urllib.parse import urlencode

from agentcore_lab.errors import AwsError, ResourceNotFoundException, ValidationException
from agentcore_lab.identity.authorization_server import AuthorizationServers
from agentcore_lab.identity.consents import Consent, Consents, Stage, invalid_session
from agentcore_lab.identity.grants import Asked, added, authorization_code
from agentcore_lab.identity.oauth2_operations import callback_url
from agentcore_lab.identity.provider_secrets import ProviderSecrets
from agentcore_lab.identity.providers import CredentialProviders, Kind, Provider
from agentcore_lab.identity.to_its_end import to_its_end
from agentcore_lab.identity.user_tokens import UserTokens
from agentcore_lab.identity.users import User
from agentcore_lab.runtime.arn import Scope


class ConsentRefused(ValidationException):
    """The user's browser brings nothing that belongs to a consent under way; the message is for the user."""


class ConsentFlow:
    """Sends users on, and fetches the token once their application has said that they are who they were."""

    def __init__(
        self,
        consents: Consents,
        providers: CredentialProviders,
        secrets: ProviderSecrets,
        servers: AuthorizationServers,
        kept: UserTokens,
        url: str,
    ) -> None:
        self._consents = consents
        self._providers = providers
        self._secrets = secrets
        self._servers = servers
        self._kept = kept
        self._url = url

    async def to_provider(self, uri: str) -> str:
        """Where a user who opens an authorization URL goes: the provider's page, told what is asked for.

        Raises:
            ConsentRefused: nothing of that name is under way, or the provider is gone.
        """
        consent = self._asked(uri)
        provider = self._provider(consent)
        server = await self._servers.find(provider.configuration["discovery"])
        wanted = consent.wanted
        fields = [
            ("response_type", "code"),
            ("client_id", provider.configuration["clientId"] or ""),
            ("redirect_uri", callback_url(self._url, provider)),
            ("state", consent.state),
            ("code_challenge", consent.challenge),
            ("code_challenge_method", "S256"),
            *Asked(wanted.scopes, wanted.resources, wanted.audiences).fields(),
        ]
        return with_query(server.authorization_endpoint, added(fields, wanted.custom_parameters))

    async def from_provider(self, callback_id: str, state: str, code: str | None, issuer: str | None) -> str:
        """Where a user who comes back goes: the application's return URL, told which session it was.

        Raises:
            ConsentRefused: the state is none that was given out, or another provider's; or it has come before.
        """
        consent = self._consents.of_state(state)
        if consent is None or consent.stage is not Stage.ASKED:
            raise ConsentRefused("This consent is over, or never was under way.")
        provider = self._provider(consent)
        server = await self._servers.find(provider.configuration["discovery"])
        # Who answers must be who was asked: each provider has a callback of its own, and may say who it is (RFC 9207).
        foreign = issuer is not None and server.issuer and issuer != server.issuer
        if provider.configuration["callbackId"] != callback_id or foreign:
            self._consents.move(consent, Stage.FAILED)
            raise ConsentRefused("The answer came from another provider than the one that was asked.")
        self._consents.move(consent, Stage.GIVEN if code else Stage.FAILED, code)
        wanted = consent.wanted
        told = [("session_id", consent.uri)]
        if wanted.custom_state is not None:
            told.append(("state", wanted.custom_state))
        if not code:
            told.append(("error", "access_denied"))
        return with_query(wanted.return_url, told)

    async def complete(self, scope: Scope, uri: str, user: User) -> None:
        """Fetch the token, and keep it for the user (AWS: CompleteResourceTokenAuth).

        Raises:
            AccessDeniedException: no consent of this user waits for it under this name.
            ValidationException: the provider gave no token for it.
        """
        consent = self._consents.of_uri(uri)
        wanted = consent.wanted
        same_user = hmac.compare_digest(wanted.user.artifact, user.artifact)
        if wanted.scope != scope or not same_user or consent.stage is not Stage.GIVEN:
            raise invalid_session()
        # Before the first wait: a code is used once, whatever comes of it.
        self._consents.move(consent, Stage.FAILED)
        await to_its_end(self._fetch(consent))

    async def _fetch(self, consent: Consent) -> None:
        wanted = consent.wanted
        assert consent.code is not None, "given with a code"
        try:
            provider = self._providers.get(wanted.scope, Kind.OAUTH2, wanted.provider)
        except ResourceNotFoundException as error:
            raise invalid_session() from error
        server = await self._servers.find(provider.configuration["discovery"])
        form = authorization_code(consent, consent.code, callback_url(self._url, provider))
        client = await self._secrets.client(provider)
        self._kept.keep(wanted, await self._servers.grant(server, client, form, "AuthorizationCode"))
        self._consents.move(consent, Stage.DONE)

    def _asked(self, uri: str) -> Consent:
        try:
            consent = self._consents.of_uri(uri)
        except AwsError as error:
            raise ConsentRefused("This link is over: ask the agent again. It lasts ten minutes.") from error
        if consent.stage is not Stage.ASKED:
            raise ConsentRefused("This link has been used: ask the agent again.")
        return consent

    def _provider(self, consent: Consent) -> Provider:
        try:
            return self._providers.get(consent.wanted.scope, Kind.OAUTH2, consent.wanted.provider)
        except ResourceNotFoundException as error:
            raise ConsentRefused("The credential provider is gone.") from error


def with_query(url: str, fields: list[tuple[str, str]]) -> str:
    """A URL with more in its query; what it had stays, and so does its fragment."""
    address, mark, fragment = url.partition("#")
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode(fields)}{mark}{fragment}"
