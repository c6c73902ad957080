"""From an HTTP request to who sent it."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.authorization.principals import Caller
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Asker
from agentcore_lab.server.subprotocols import offered

USER = "agentcore-lab"
"""The IAM user that the lab's credentials stand for."""

_TOLD_BY = {"User-Agent": "aws:UserAgent", "Referer": "aws:Referer"}


def asker_of(request: web.Request, scope: Scope) -> Asker:
    """The one identity there is, whatever the signature: the lab's user in the engine's own account."""
    keys = {key: request.headers[header] for header, key in _TOLD_BY.items() if header in request.headers}
    if request.remote:
        keys["aws:SourceIp"] = request.remote
    # AWS's endpoints take TLS alone: a policy that wants it must let the same callers through here.
    keys["aws:SecureTransport"] = "true"
    caller = Caller(scope.account_id, f"arn:aws:iam::{scope.account_id}:user/{USER}")
    return Asker(caller, keys, token=_token(request))


def _token(request: web.Request) -> str | None:
    """From a header, or, of a browser that opens a WebSocket and can set none, from a subprotocol."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return offered(request.headers).token()
