"""``/_lab/idp``: the local identity provider, asked for and started. Its secrets are in its folder, not here."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.idp.child import IdpDidNotStart, ProviderProcess
from agentcore_lab.server.origin import is_foreign

PATH = "/_lab/idp"


class IdpRoutes:
    """Says where the provider is, and starts it."""

    def __init__(self, provider: ProviderProcess) -> None:
        self._provider = provider

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's."""
        app.router.add_get(PATH, self.where)
        app.router.add_post(PATH, self.start)

    async def where(self, _request: web.Request) -> web.Response:
        """Its address, or null."""
        return self._answer(self._provider.issuer)

    async def start(self, request: web.Request) -> web.Response:
        """Its address, once it listens."""
        if is_foreign(request):
            return _refused(
                403, "A web page of another origin may not start this engine's identity provider."
            )
        try:
            return self._answer(await self._provider.start())
        except IdpDidNotStart as error:
            return _refused(500, str(error))

    def _answer(self, issuer: str | None) -> web.Response:
        return web.json_response({"issuer": issuer, "folder": str(self._provider.folder)})


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
