"""Signed requests for httpx clients, as AWS's own samples for MCP and A2A make them."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from agentcore_lab.accounts.handed_out import credentials_for
from agentcore_lab.discovery import RunningEngine

_UNSIGNED = ("connection", "accept-encoding", "user-agent", "transfer-encoding")


class SigV4(httpx.Auth):
    """Signs each request for ``bedrock-agentcore`` with an engine's credentials."""

    requires_request_body = True

    def __init__(self, engine: RunningEngine) -> None:
        issued = credentials_for(engine)
        keys = ReadOnlyCredentials(issued.access_key_id, issued.secret_access_key, issued.session_token)
        self._signer = SigV4Auth(keys, "bedrock-agentcore", engine.region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its signature."""
        headers = {name: value for name, value in request.headers.items() if name not in _UNSIGNED}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=headers)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request


def http_client(engine: RunningEngine, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client that signs, and waits for an agent that has to be started first."""
    return httpx.AsyncClient(auth=SigV4(engine), headers=headers, timeout=180)
