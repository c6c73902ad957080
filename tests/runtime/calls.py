"""Plain HTTP to an engine, for what boto3 hides: raw statuses, headers and bytes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from agentcore_lab.discovery import engine_at
from tests.signing import signed

JWT = {
    "discoveryUrl": "https://idp.example.com/pool/.well-known/openid-configuration",
    "allowedScopes": ["read"],
}
"""A customJWTAuthorizer: the runtime's callers bring tokens, not signatures."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def invocations(arn: str, query: str = "") -> str:
    """The path of a runtime's invocations, as clients without boto3 build it."""
    return f"/runtimes/{quote(arn, safe='')}/invocations{query}"


def send(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    sign: bool = True,
) -> Answer:
    """One request on a connection of its own, signed for an engine unless it brings a token; names in lower case."""
    parts = urlsplit(url)
    given = dict(headers or {})
    if sign and "Authorization" not in given and engine_at(url) is not None:
        given = signed(method, url + path, body, given)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=90)
    try:
        connection.request(method, path, body, given)
        response = connection.getresponse()
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()
