"""Requests without boto3, signed by botocore with the credentials that an engine has issued."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, Payload
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.accounts.handed_out import credentials_for
from agentcore_lab.discovery import engine_at

SERVICE = "bedrock-agentcore"
UNSIGNED = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
"""Of a request whose body nobody knows when its head is signed."""


def signed(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    issued: Credentials | None = None,
    *,
    service: str = SERVICE,
) -> dict[str, str]:
    """The headers a request is sent with, the signature among them; a WebSocket's URL is signed as HTTP's."""
    request = AWSRequest(method, _http(url), data=body, headers=dict(headers or {}))
    SigV4Auth(_keys(url, issued), service, "us-west-2").add_auth(request)
    return dict(request.headers.items())


async def signing(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A middleware of aiohttp's client: every request goes out signed."""
    body = await request.body.as_bytes() if isinstance(request.body, Payload) else request.body
    url = str(request.url)
    own = await asyncio.to_thread(signed, request.method, url, body or None)
    request.headers.update({name: own[name] for name in ("X-Amz-Date", "Authorization")})
    return await handler(request)


def presigned(url: str, *, seconds: int = 60, issued: Credentials | None = None) -> str:
    """A URL that carries its signature."""
    request = AWSRequest("GET", _http(url))
    SigV4QueryAuth(_keys(url, issued), SERVICE, "us-west-2", expires=seconds).add_auth(request)
    return str(request.url).replace("http", urlsplit(url).scheme, 1)


def _http(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(scheme=parts.scheme.replace("ws", "http")).geturl()


def _keys(url: str, issued: Credentials | None) -> ReadOnlyCredentials:
    found = issued or _own(urlsplit(_http(url)).netloc)
    return ReadOnlyCredentials(found.access_key_id, found.secret_access_key, found.session_token)


def _own(address: str) -> Credentials:
    engine = engine_at(f"http://{address}")
    assert engine is not None, f"no engine answers at {address}"
    return credentials_for(engine)
