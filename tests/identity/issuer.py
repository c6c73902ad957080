"""A real issuer of tokens on this machine: a discovery document, a key set, and a count of who asks for them."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a FakeClock starts."""

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/jwks.json"


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of a few keys, made once a test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def published(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    """The public half, as a key set has it."""
    return {
        **jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
        "kid": kid,
        "use": "sig",
        **more,
    }


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public half, as anybody can have it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Issuer:
    """Signs with ``key`` as ``kid``; ``documents`` are what it serves, by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key, self.kid = rsa_key(), "one"
        self.asked: Counter[str] = Counter()
        self.was_asked = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.documents: dict[str, Any] = {
            DISCOVERY: {"issuer": url, "jwks_uri": f"{url}{KEYS}"},
            KEYS: {"keys": [published(self.key, self.kid)]},
        }

    @property
    def discovery_url(self) -> str:
        """For a customJWTAuthorizer."""
        return f"{self.url}{DISCOVERY}"

    @property
    def fetches(self) -> int:
        """How many documents were asked for."""
        return self.asked.total()

    def hold(self) -> threading.Event:
        """Answer nobody until the event is set."""
        self.open.clear()
        return self.open

    def authorizer(self, **more: Any) -> dict[str, Any]:
        """A customJWTAuthorizer that takes this issuer's tokens for the audience ``lab``."""
        return {"discoveryUrl": self.discovery_url, "allowedAudience": ["lab"], **more}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """A good token's claims; those that are changed to None are left out."""
        claims = {
            "iss": self.url,
            "sub": "alice",
            "aud": "lab",
            "client_id": "web",
            "scope": "openid agent:invoke",
            "iat": int(NOW.timestamp()),
            "exp": int((NOW + timedelta(hours=1)).timestamp()),
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        key: Any = None,
        algorithm: str = "RS256",
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """A token by this issuer's key unless by another; ``header`` is added to what says which key it is."""
        signed_by = self.key if key is None else key
        head = {"kid": self.kid, **(header or {})}
        said = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(self.claims(**changed), signed_by, algorithm, headers=said)

    def rotate(self, *, retire: bool) -> None:
        """Sign with a new key, and withdraw the older or not."""
        self.key, self.kid = rsa_key(1), "two"
        older = [] if retire else self.documents[KEYS]["keys"]
        self.documents[KEYS] = {"keys": [published(self.key, self.kid), *older]}


def hand_made(header: Any, claims: Any, signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """An issuer on a free port, until the end of the block."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked[self.path] += 1
            issuer.was_asked.set()
            issuer.open.wait(60)
            document = issuer.documents.get(self.path)
            if isinstance(document, int):
                self.send_response(document)
                self.send_header("Location", "file:///etc/passwd")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(200 if document is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
