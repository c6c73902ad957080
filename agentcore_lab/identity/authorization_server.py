"""An OAuth2 authorization server: where its endpoints are, and what it grants at its token endpoint."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import aiohttp

from agentcore_lab.errors import ValidationException
from agentcore_lab.identity.client_assertion import ASSERTION_TYPE, PRIVATE_KEY_JWT
from agentcore_lab.identity.oauth2_configuration import BASIC, POST
from agentcore_lab.json_text import read_json

_SECONDS = 10
_MOST_BYTES = 1024 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")

Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Server:
    """Where an authorization server is (RFC 8414), and how clients say at its token endpoint who they are."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """A client's credentials; ``method`` is AWS's name of how they are sent, None for what the server takes.

    ``proof`` makes a signed assertion for a token endpoint, where the client has no secret.
    """

    id: str
    secret: str | None = field(repr=False)
    method: str | None = None
    proof: Callable[[str], Awaitable[str]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token endpoint gave (RFC 6749, 5.1); ``seconds`` it lasts, None where it does not say."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    seconds: float | None


class ProviderRefused(ValidationException):
    """The provider did not grant a token. ``error`` is OAuth's code, None where its answer had none."""

    def __init__(self, message: str, error: str | None) -> None:
        super().__init__(message)
        self.error = error


class AuthorizationServers:
    """Speaks to authorization servers. What they say in errors is not passed on, only OAuth's own code."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def find(self, discovery: Mapping[str, Any]) -> Server:
        """The server of a provider's ``oauthDiscovery``.

        Raises:
            ValidationException: its discovery document cannot be had, or names no token endpoint.
        """
        if stated := discovery.get("authorizationServerMetadata"):
            return Server(
                stated["issuer"],
                stated["authorizationEndpoint"],
                stated["tokenEndpoint"],
                tuple(stated.get("tokenEndpointAuthMethods", ())),
            )
        url = discovery["discoveryUrl"]
        status, document = await self._ask("GET", url, {})
        if status != 200 or not isinstance(document.get("token_endpoint"), str):
            raise ValidationException(f"The discovery document of the provider cannot be read: {url}")
        return Server(
            str(document.get("issuer", "")),
            str(document.get("authorization_endpoint", "")),
            document["token_endpoint"],
            tuple(map(str, document.get("token_endpoint_auth_methods_supported") or ())),
        )

    async def grant(self, server: Server, client: Client | None, form: Form, what: str) -> Granted:
        """What the server grants for ``form``; ``client`` is None where no client says who it is.

        ``what`` names the answer in AWS's message about one that is of no use: "Error parsing ClientCredentials
        response" (observed by AWS's users; AWS passes nothing of it on).

        Raises:
            ProviderRefused: it granted nothing.
        """
        headers: dict[str, str] = {}
        fields = list(form)
        if client is not None:
            await _authenticate(server, client, headers, fields)
        status, answer = await self._ask("POST", server.token_endpoint, headers, fields)
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not token:
            error = answer.get("error")
            code = error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else None
            raise ProviderRefused(
                f"Error parsing {what} response: the provider answered {status}{f' {code}' if code else ''}.",
                code,
            )
        refresh, seconds = answer.get("refresh_token"), answer.get("expires_in")
        return Granted(
            token,
            refresh if isinstance(refresh, str) and refresh else None,
            float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None,
        )

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Form | None = None
    ) -> tuple[int, dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with self._client.request(
                method,
                url,
                headers={**_HEADERS, **headers},
                data=None if form is None else aiohttp.FormData(form),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_MOST_BYTES)
                while len(body) < _MOST_BYTES and (more := await response.content.read(_MOST_BYTES)):
                    body += more
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # What aiohttp says may hold the whole URL; its kind is enough to know what to mend.
            raise ProviderRefused(
                f"The provider cannot be reached at {url} ({type(error).__name__}).", None
            ) from None
        try:
            answer = read_json(body)
        except ValueError:
            answer = None
        return response.status, answer if isinstance(answer, dict) else {}


async def _authenticate(
    server: Server, client: Client, headers: dict[str, str], fields: list[tuple[str, str]]
) -> None:
    if client.proof is not None:
        fields.append(("client_id", client.id))
        fields.append(("client_assertion_type", ASSERTION_TYPE))
        fields.append(("client_assertion", await client.proof(server.token_endpoint)))
        return
    method = client.method or (
        POST
        if "client_secret_post" in server.methods and "client_secret_basic" not in server.methods
        else BASIC
    )
    if method not in {BASIC, POST}:
        raise ValidationException(
            f"This engine cannot authenticate clients with {method}: use {BASIC}, {POST} or {PRIVATE_KEY_JWT}."
        )
    if method == POST:
        fields.append(("client_id", client.id))
        fields.append(("client_secret", client.secret or ""))
        return
    # RFC 6749, 2.3.1: both are form-encoded before they are joined.
    pair = f"{quote_plus(client.id)}:{quote_plus(client.secret or '')}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
