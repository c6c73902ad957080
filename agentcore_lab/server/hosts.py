"""Which names this engine answers to: a page whose own name is made to lead here (DNS rebinding) gets nothing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Middleware

from agentcore_lab.wire.request_id import new_request_id

_NAMES = frozenset({"localhost", "host.docker.internal", "gateway.docker.internal"})
_OF_AWS = re.compile(r"(?:.+\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws|on\.aws|localhost)")
"""Nobody but AWS can have such a name lead anywhere; what ends in ``.localhost`` is this machine (RFC 6761)."""


def only_as(names: Iterable[str]) -> Middleware:
    """Lets requests through that ask for an address, for this machine, for a name of AWS's, or for one of ``names``."""
    allowed = _NAMES | {name.lower() for name in names if name}

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if is_own(request.headers.get("Host", ""), allowed):
            return await handler(request)
        return web.json_response(
            {
                "message": "This engine does not answer to that name. Name it with AGENTCORE_LAB_HOSTS if it is right."
            },
            status=403,
            headers={
                "x-amzn-ErrorType": "AccessDeniedException",
                "x-amzn-RequestId": new_request_id(),
            },
        )

    return check


def is_own(host: str, allowed: frozenset[str]) -> bool:
    """Whether a Host header names this engine; nothing can be rebound that is an address already."""
    name = _without_port(host).lower().rstrip(".")
    if name in allowed or _OF_AWS.fullmatch(name):
        return True
    try:
        ip_address(name)
    except ValueError:
        return not name  # HTTP/1.0 knows no such header, and browsers do not speak it
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
