"""Token exchange at the provider's token endpoint (RFC 8693): a person's token for one of a client that acts for them.

django-allauth has no such grant; oauthlib, on which it stands, takes grants of one's own. What may be exchanged is
kept small: access tokens of this provider that are still good, by clients that have the grant, never for more scopes
than the subject's token has. An actor's token is one that the client got for itself; it becomes the claim ``act``.
"""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.internal.oauthlib.server import get_server
from allauth.idp.oidc.internal.oauthlib.utils import convert_response, extract_params, get_validator_context
from allauth.idp.oidc.internal.resources import InvalidTargetError, get_resources
from allauth.idp.oidc.internal.tokens import decode_jwt_token
from allauth.idp.oidc.models import Token
from allauth.idp.oidc.views import TokenView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from oauthlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
)
from oauthlib.oauth2.rfc6749.grant_types import ClientCredentialsGrant

from agentcore_lab.idp.state import TOKEN_EXCHANGE

_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693's name of a type
_TYPES = frozenset({_ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"})


class TokenExchange(ClientCredentialsGrant):
    """The grant, for a client that has shown who it is; no refresh token comes of it."""

    def validate_token_request(self, request: Any) -> None:
        """Whose token it will be, with which scopes and for whom. Raises OAuth2Error."""
        self.validate_client_confidential(request)
        self.validate_grant_type(request)
        asked = getattr(request, "requested_token_type", None)
        if asked is not None and asked not in _TYPES:
            raise InvalidRequestError("Only access tokens are issued.", request=request)
        subject = _presented(request, "subject")
        user = get_adapter().get_user_by_sub(request.client, subject["sub"])
        if user is None:
            raise InvalidGrantError("The subject_token is of no person who is known here.", request=request)
        request.user = user
        self._limit_scopes(request, subject.get("scope", "").split())
        _take_audience()
        if getattr(request, "actor_token", None) is not None:
            actor = _presented(request, "actor")
            if actor["client_id"] != request.client.id or actor["sub"] != actor["client_id"]:
                raise InvalidGrantError("The actor_token is not the client's own.", request=request)
            context.request.actor = {"sub": actor["sub"]}

    def _limit_scopes(self, request: Any, held: list[str]) -> None:
        if not request.scope:
            request.scopes = [scope for scope in request.client.get_scopes() if scope in held]
        self.validate_scopes(request)
        if not set(request.scopes) <= set(held):
            raise InvalidScopeError("The subject_token has not all of these scopes.", request=request)


class Tokens(TokenView):
    """The provider's token endpoint, with this grant too."""

    def _create_token_response(self, request: HttpRequest, **more: Any) -> HttpResponse:
        if request.POST.get("grant_type") != TOKEN_EXCHANGE:
            found: HttpResponse = super()._create_token_response(request, **more)
            return found
        server = get_server()
        grant = TokenExchange(server.request_validator)
        grant.register_token_modifier(lambda token: {**token, "issued_token_type": _ACCESS_TOKEN})
        server.grant_types[TOKEN_EXCHANGE] = grant
        answer: HttpResponse = convert_response(*server.create_token_response(*extract_params(request)))
        return answer


def _presented(request: Any, whose: str) -> dict[str, Any]:
    """The claims of a token that was sent: this provider's own, for access, neither expired nor revoked."""
    token = getattr(request, f"{whose}_token", None)
    if not token or getattr(request, f"{whose}_token_type", None) not in _TYPES:
        raise InvalidRequestError(
            f"{whose}_token must be an access token, and its type say so.", request=request
        )
    claims: dict[str, Any] | None = decode_jwt_token(token, verify_exp=True, verify_iss=True)
    kept = Token.objects.lookup_by_value([Token.Type.ACCESS_TOKEN], token)
    if claims is None or claims.get("token_use") != "access" or kept is None:
        raise InvalidGrantError(
            f"The {whose}_token is not one of this provider's that is good.", request=request
        )
    return claims


def _take_audience() -> None:
    """Whom the token is for: the resources and audiences that were asked for, if any."""
    request = context.request
    try:
        wanted = get_resources(request) + request.POST.getlist("audience")
    except ValidationError as error:
        raise InvalidTargetError from error
    get_validator_context().requested_resources = wanted or None
