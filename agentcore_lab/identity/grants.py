"""OAuth's grants as forms for a token endpoint: client credentials, code, refresh, and exchange for a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentcore_lab.identity.consents import Consent

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693's name of a type
_OF_CLIENTS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})

Form = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a token is asked for: scopes, and where it is to be good (RFC 8707, RFC 8693)."""

    scopes: Sequence[str]
    resources: Sequence[str] = ()
    audiences: Sequence[str] = ()
    custom: Mapping[str, str] = field(default_factory=dict, repr=False)

    def fields(self) -> Form:
        """As fields of a form or a query."""
        scope = [("scope", " ".join(self.scopes))] if self.scopes else []
        return [
            *scope,
            *(("resource", resource) for resource in self.resources),
            *(("audience", audience) for audience in self.audiences),
        ]


def client_credentials(asked: Asked) -> Form:
    """A token for the client itself (RFC 6749, 4.4)."""
    return added([("grant_type", "client_credentials"), *asked.fields()], asked.custom)


def authorization_code(consent: Consent, code: str, redirect_uri: str) -> Form:
    """A token for the code that a user's consent gave (RFC 6749, 4.1.3; RFC 7636)."""
    return [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", consent.verifier),
        *(("resource", resource) for resource in consent.wanted.resources),
    ]


def refresh(token: str, resources: Sequence[str]) -> Form:
    """A fresh token for a user who is not there (RFC 6749, 6); the scopes stay."""
    return [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        *(("resource", resource) for resource in resources),
    ]


def token_exchange(subject: str, actor: str | None, asked: Asked) -> Form:
    """A token on behalf of a user for the user's own (RFC 8693).

    The subject's type can be said by a custom parameter, as AWS's users do for providers that want another.
    """
    kind = asked.custom.get("subject_token_type", _ACCESS_TOKEN)
    acting = [] if actor is None else [("actor_token", actor), ("actor_token_type", _ACCESS_TOKEN)]
    form = [("grant_type", _EXCHANGE), ("subject_token", subject), ("subject_token_type", kind)]
    return added([*form, *acting, *asked.fields()], asked.custom)


def jwt_bearer(assertion: str, asked: Asked, *, on_behalf_of: bool) -> Form:
    """The same where the user's token is the grant (RFC 7523, 2.1); ``on_behalf_of``: as Entra ID wants it said."""
    said = [("requested_token_use", "on_behalf_of")] if on_behalf_of else []
    form = [("grant_type", _JWT_BEARER), ("assertion", assertion), *said, *asked.fields()]
    return added(form, asked.custom)


def added(fields: Form, custom: Mapping[str, str]) -> Form:
    """Fields with the caller's own, which never take the place of one (AWS: customParameters)."""
    names = {name for name, _ in fields} | _OF_CLIENTS
    return [*fields, *((name, value) for name, value in custom.items() if name not in names)]
