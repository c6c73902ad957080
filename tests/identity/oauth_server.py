"""A small OAuth2 server that holds its clients to the standards, in a thread of the tests.

It consents for its users at once. What it was asked is kept, so that a test can look at what went over the wire.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web

from agentcore_lab.server.listening import take_no_more

CLIENT_ID = "the-client"
CLIENT_SECRET = "canary-client-secret+/=: 7d1a"


@dataclass(slots=True)
class Asked:
    """One request at the token endpoint."""

    form: dict[str, list[str]]
    method: str | None

    def __getitem__(self, name: str) -> str:
        return self.form[name][0]


@dataclass(slots=True)
class OAuthServer:
    """What the server knows, and how it behaves.

    ``method``: the only way its client may authenticate, None for none. ``seconds``: how long its access tokens last.
    ``rotates``: a refresh token is used up by use. ``fails``: what its token endpoint answers instead of a token.
    ``waits_for``: what must happen before it answers. ``denies``: users who are asked say no. ``public_key``: what a
    client that signs is known by, with ``algorithm``, for the ``audience`` or else the token endpoint.
    """

    url: str = ""
    method: str | None = "client_secret_basic"
    seconds: int | None = 3600
    rotates: bool = True
    gives_refresh_token: bool = True
    denies: bool = False
    issuer_in_answer: str | None = None
    fails: web.Response | None = None
    waits_for: threading.Event | None = None
    public_key: Any = None
    algorithm: str = "RS256"
    audience: str | None = None
    assertions: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    authorized: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)

    @property
    def discovery_url(self) -> str:
        """Where its metadata is."""
        return f"{self.url}/.well-known/openid-configuration"

    async def metadata(self, _request: web.Request) -> web.Response:
        """RFC 8414."""
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?tenant=1",
                "token_endpoint": f"{self.url}/token",
                "token_endpoint_auth_methods_supported": [self.method] if self.method else [],
            }
        )

    async def authorize(self, request: web.Request) -> web.Response:
        """RFC 6749, 4.1.1: its user consents at once."""
        asked = dict(request.query)
        self.authorized.append(asked)
        answer = {"state": asked["state"]}
        if self.issuer_in_answer is not None:
            answer["iss"] = self.issuer_in_answer
        if self.denies:
            answer |= {"error": "access_denied", "error_description": "canary: the user said no"}
        else:
            code = f"canary-code-{secrets.token_hex(8)}"
            self.codes[code] = asked
            answer["code"] = code
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def token(self, request: web.Request) -> web.Response:
        """RFC 6749, 4.1.3, 4.4.2 and 6; RFC 8693; RFC 7523."""
        form = await request.post()
        fields = {name: [str(value) for value in form.getall(name)] for name in form}
        method = self._authenticated(request, fields)
        self.asked.append(Asked(fields, method))
        if self.waits_for is not None:
            await asyncio.to_thread(self.waits_for.wait, 10)
        if self.fails is not None:
            return self.fails
        if method != self.method:
            return _error(401, "invalid_client")
        asked = self.asked[-1]
        match asked["grant_type"]:
            case "authorization_code":
                return self._for_code(asked)
            case "refresh_token":
                known = self.refresh_tokens.get(asked["refresh_token"])
                if known is None:
                    return _error(400, "invalid_grant")
                if self.rotates:
                    del self.refresh_tokens[asked["refresh_token"]]
                return self._grant(f"refreshed-{known}", known)
            case "client_credentials":
                return self._grant("service", None)
            case _:
                subject = (asked.form.get("subject_token") or asked.form["assertion"])[0]
                return self._grant(f"behalf-{hashlib.sha256(subject.encode()).hexdigest()[:8]}", None)

    def _for_code(self, asked: Asked) -> web.Response:
        consent = self.codes.pop(asked["code"], None)
        digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            consent is None
            or consent["redirect_uri"] != asked["redirect_uri"]
            or (consent["code_challenge_method"], consent["code_challenge"]) != ("S256", challenge)
        ):
            return _error(400, "invalid_grant")
        user = consent.get("login_hint", "somebody")
        return self._grant(f"of-{user}", user if self.gives_refresh_token else None)

    def _grant(self, what: str, refresh_for: str | None) -> web.Response:
        answer: dict[str, Any] = {
            "access_token": f"canary-access-token-{what}-{secrets.token_hex(4)}",
            "token_type": "Bearer",
        }
        if self.seconds is not None:
            answer["expires_in"] = self.seconds
        if refresh_for is not None:
            answer["refresh_token"] = token = f"canary-refresh-token-{secrets.token_hex(8)}"
            self.refresh_tokens[token] = refresh_for
        self.issued.append(answer["access_token"])
        return web.json_response(answer)

    def _authenticated(self, request: web.Request, form: dict[str, list[str]]) -> str | None:
        if header := request.headers.get("Authorization"):
            pair = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            if (unquote_plus(pair[0]), unquote_plus(pair[2])) == (CLIENT_ID, CLIENT_SECRET):
                return "client_secret_basic"
            return "wrong"
        if "client_assertion" in form:
            return "private_key_jwt" if self._asserted(form) else "wrong"
        if "client_secret" in form:
            right = form["client_id"] == [CLIENT_ID] and form["client_secret"] == [CLIENT_SECRET]
            return "client_secret_post" if right else "wrong"
        return None

    def _asserted(self, form: dict[str, list[str]]) -> bool:
        """RFC 7523, 3, and OpenID Connect, 9: signed with the key that is registered, for here, used once."""
        (assertion,) = form["client_assertion"]
        assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
        claims = jwt.decode(
            assertion,
            self.public_key,
            algorithms=[self.algorithm],
            audience=self.audience or f"{self.url}/token",
            options={"require": ["exp", "iat", "jti"]},
        )
        fresh = claims["jti"] not in self.assertions
        self.assertions[claims["jti"]] = assertion
        return fresh and (claims["iss"], claims["sub"]) == (CLIENT_ID, CLIENT_ID)


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": code, "error_description": "canary-of-the-provider"}, status=status)


@contextmanager
def oauth_server() -> Iterator[OAuthServer]:
    """A server that listens until the end of the block."""
    server = OAuthServer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", server.metadata)
        app.router.add_get("/authorize", server.authorize)
        app.router.add_post("/token", server.token)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return runner

    async def end() -> None:
        await take_no_more(listener)
        await runner.cleanup()

    listener = socket.create_server(("127.0.0.1", 0))
    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
