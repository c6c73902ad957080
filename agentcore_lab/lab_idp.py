"""The local identity provider, from a notebook: who there is, tokens by each of OAuth's grants, new keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from agentcore_lab.clock import SystemClock
from agentcore_lab.idp import state
from agentcore_lab.idp.visitor import consent
from agentcore_lab.looks.card import card, facts
from agentcore_lab.own_api import Api
from agentcore_lab.plain_error import PlainError

_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693's name of a type
_PATIENCE_SECONDS = 30
_START_SECONDS = 90


class TokenRefused(PlainError):  # noqa: N818 - a state, named as one
    """The provider's token endpoint refused; the message is its own."""


class LabIdp:
    """A standard OpenID Connect provider of this machine, with two people (alice, bob) and two clients.

    ``lab-web`` signs people in (authorization code with PKCE, refresh), ``lab-service`` acts for itself (client
    credentials). ``issuer`` and ``discovery_url`` are the same for this machine and for containers.
    """

    def __init__(self, engine: Api) -> None:
        started = engine.send("idp", {}, patience=_START_SECONDS)
        self.issuer: str = started["issuer"]
        self.discovery_url = f"{self.issuer}/.well-known/openid-configuration"
        self._folder = Path(started["folder"])
        self._homes = [urlsplit(each).netloc for each in (engine.url, self.issuer)]

    @property
    def people(self) -> dict[str, state.Person]:
        """Who can sign in, by user name."""
        return {each.username: each for each in state.read(self._folder).people}

    @property
    def clients(self) -> dict[str, state.Client]:
        """The applications, by client id."""
        return {each.id: each for each in state.read(self._folder).clients}

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return _answered(Request(self.discovery_url))  # noqa: S310 - the provider's own address

    def service_token(self, scopes: Sequence[str] = ("agent:invoke",)) -> str:
        """An access token of ``lab-service`` for itself: the client credentials grant. Raises TokenRefused."""
        return str(
            self._token("lab-service", grant_type="client_credentials", scope=" ".join(scopes))[
                "access_token"
            ]
        )

    def sign_in(
        self, username: str, scopes: Sequence[str] = ("openid", "agent:invoke"), resource: str | None = None
    ) -> dict[str, Any]:
        """Tokens of a person who signs in to ``lab-web``: the authorization code grant with PKCE.

        The person's way through the provider's pages is done by program. ``resource`` becomes the access token's
        audience.

        Raises:
            NotConsented: the provider did not let them through.
            TokenRefused: it gave no tokens for the code.
        """
        verifier = secrets.token_urlsafe(48)
        redirect = self.clients["lab-web"].redirect_uris[0]
        request = {
            "response_type": "code",
            "client_id": "lab-web",
            "redirect_uri": redirect,
            "scope": " ".join(scopes),
            "state": secrets.token_urlsafe(12),
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        if resource is not None:
            request["resource"] = resource
        sent_to = self.consent(f"{self.metadata()['authorization_endpoint']}?{urlencode(request)}", username)
        answer = parse_qs(urlsplit(sent_to).query)
        if answer.get("state") != [request["state"]] or "code" not in answer:
            raise TokenRefused(
                f"The identity provider sent no code: {answer.get('error', ['no reason given'])[0]}."
            )
        return self._token(
            "lab-web",
            grant_type="authorization_code",
            code=answer["code"][0],
            redirect_uri=redirect,
            code_verifier=verifier,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """New tokens for a refresh token of ``lab-web``, which is used up. Raises TokenRefused."""
        return self._token("lab-web", grant_type="refresh_token", refresh_token=refresh_token)

    def exchange(
        self, token: str, scopes: Sequence[str] = (), *, audience: str | None = None, actor: str | None = None
    ) -> str:
        """An access token for the person whom ``token`` is of, got by ``lab-service``: token exchange (RFC 8693).

        It has the scopes that both the person's token and the client have, or those of them that are asked for;
        ``actor`` is a token of ``lab-service`` for itself, which the new one names as who acts. Raises TokenRefused.
        """
        form = {"subject_token": token, "subject_token_type": _ACCESS_TOKEN}
        if scopes:
            form["scope"] = " ".join(scopes)
        if audience is not None:
            form["audience"] = audience
        if actor is not None:
            form |= {"actor_token": actor, "actor_token_type": _ACCESS_TOKEN}
        answer = self._token("lab-service", grant_type=state.TOKEN_EXCHANGE, **form)
        return str(answer["access_token"])

    def consent(self, url: str, username: str) -> str:
        """Sign in and consent at an authorization URL as this person; the address they are sent back to, not visited.

        At the ``authorizationUrl`` of GetResourceOauth2Token the way goes on through the engine's callback, to the
        application's return URL.

        Raises NotConsented.
        """
        person = self.people[username]
        return consent(url, person.username, person.password, self._homes)

    def allow_redirect(self, uri: str, client: str = "lab-web") -> None:
        """Register another redirect URI of a client, as one does at any provider. Raises UnknownClient."""
        state.allow_redirect(self._folder, client, uri)

    def rotate_keys(self, *, retire: bool = False) -> None:
        """Sign with a new key from now on; ``retire`` the older ones, so that no token of theirs is good any more."""
        state.rotate(self._folder, SystemClock().now(), retire=retire)

    def _token(self, client_id: str, **form: str) -> dict[str, Any]:
        endpoint = self.metadata()["token_endpoint"]
        credentials = f"{client_id}:{self.clients[client_id].secret}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
        return _answered(Request(endpoint, urlencode(form).encode(), headers))  # noqa: S310 - its own address

    def __repr__(self) -> str:
        return f"LabIdp(issuer={self.issuer!r})"

    def _repr_html_(self) -> str:
        rows = [
            ("Discovery", self.discovery_url),
            ("People", ", ".join(self.people)),
            ("Clients", ", ".join(self.clients)),
            ("Secrets", f"{self._folder / state.FILE} · agentcore-lab idp show"),
        ]
        return card("Identity provider", self.issuer, facts(rows))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _answered(request: Request) -> dict[str, Any]:
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_PATIENCE_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        with error:
            raise TokenRefused(
                f"The identity provider refused: {error.read().decode(errors='replace')}"
            ) from error
