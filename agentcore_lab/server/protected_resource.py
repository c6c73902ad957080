"""Where a client without a token learns who gives them (CONTRACT: sections 4.5, 15)."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.inbound import Inbound


class ProtectedResource:
    """Answers the protected-resource document, to anybody."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The document. Raises ResourceNotFoundException."""
        params = {"agentRuntimeArn": runtime}
        if qualifier := request.query.get("qualifier"):
            params["qualifier"] = qualifier
        document = self._inbound.metadata(scope, params)
        return web.json_response(document, headers={"x-amzn-RequestId": request_id})
