"""Where the lab's provider differs from django-allauth's defaults: what stands in tokens, and which keys sign them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.internal.private_keys import filter_keys
from allauth.idp.oidc.models import PrivateKey
from django.conf import settings
from django.contrib.auth import get_user_model

from agentcore_lab.idp.state import AUDIENCE, SCOPES, TOKEN_EXCHANGE, read


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up: people are those of the provider's file."""

    def is_open_for_signup(self, _request: Any) -> bool:
        """Never."""
        return False


class OidcAdapter(DefaultOIDCAdapter):
    """Subjects are user names, access tokens say whom they are for, keys are those of the provider's file."""

    scope_display = {  # noqa: RUF012 - as the class it extends declares it
        **DefaultOIDCAdapter.scope_display,
        "agent:invoke": "Talk to your agents",
        "agent:read": "See your agents",
    }

    def get_issuer(self) -> str:
        """The one address of this provider, however it was asked."""
        return str(settings.LAB_ISSUER)

    def get_user_sub(self, _client: Any, user: Any) -> str:
        """The user's name, which never changes here and can be read in a token."""
        return str(user.get_username())

    def get_user_by_sub(self, _client: Any, sub: str) -> Any:
        """The active user of this name."""
        return get_user_model().objects.filter(username=sub, is_active=True).first()

    def populate_access_token(
        self, access_token: dict[str, Any], *, client: Any, user: Any, **_more: Any
    ) -> None:
        """Add ``aud``, and ``sub`` where there is no user (RFC 9068); user name and groups where there is one.

        A token that was exchanged says who acts with it (``act``, RFC 8693, 4.1), where that was shown.
        """
        access_token.setdefault("aud", AUDIENCE)
        access_token.setdefault("sub", client.id)
        if user is not None:
            access_token["username"] = user.get_username()
            access_token["groups"] = list(user.groups.order_by("id").values_list("name", flat=True))
        if (actor := getattr(context.request, "actor", None)) is not None:
            access_token["act"] = actor

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        """Name the lab's own scopes and grant too."""
        data["scopes_supported"] = list(SCOPES)
        data["grant_types_supported"] = [*data["grant_types_supported"], TOKEN_EXCHANGE]

    def list_private_keys(self, **wanted: Any) -> list[PrivateKey]:
        """The keys of the provider's file, as it is now."""
        keys = read(settings.LAB_FOLDER).keys
        published: list[PrivateKey] = filter_keys(
            [PrivateKey(pem=key.pem, issued_at=datetime.fromisoformat(key.issued_at)) for key in keys],
            **wanted,
        )
        return published
