"""From an HTTP request to who sent it."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.authorization.principals import Caller
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.authorization import Asker
from agentcore_lab.server.subprotocols import offered

_CALLER = web.RequestKey("caller", Caller)
_ANONYMOUS = "anonymous"
_TOLD_BY = {"User-Agent": "aws:UserAgent", "Referer": "aws:Referer"}


def know_caller(request: web.Request, caller: Caller) -> None:
    """Note whom a request's signature stands for."""
    request[_CALLER] = caller


def caller_of(request: web.Request) -> Caller | None:
    """Whom its signature stands for; None where there is none."""
    return request.get(_CALLER)


def account_of(request: web.Request, scope: Scope) -> str:
    """The account a request comes from: the one that is asked, where no signature tells another."""
    caller = request.get(_CALLER)
    return caller.account_id if caller else scope.account_id


def asker_of(request: web.Request, scope: Scope) -> Asker:
    """Whom the signature stands for; nobody that IAM knows where there is none, in the account that is asked."""
    keys = {key: request.headers[header] for header, key in _TOLD_BY.items() if header in request.headers}
    if request.remote:
        keys["aws:SourceIp"] = request.remote
    # AWS's endpoints take TLS alone: a policy that wants it must let the same callers through here.
    keys["aws:SecureTransport"] = "true"
    caller = request.get(_CALLER) or Caller(scope.account_id, _ANONYMOUS)
    return Asker(caller, keys, token=_token(request))


def brings_nothing(request: web.Request) -> bool:
    """Whether neither a signature nor a token says who sent it."""
    return _CALLER not in request and not brings_token(request)


def brings_token(request: web.Request) -> bool:
    """Whether it has a bearer token, good or bad."""
    if request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer":
        return True
    return offered(request.headers).encoded is not None


def _token(request: web.Request) -> str | None:
    """From a header, or, of a browser that opens a WebSocket and can set none, from a subprotocol."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return offered(request.headers).token()
