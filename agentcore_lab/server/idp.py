"""``/_lab/idp``: the local identity provider, asked for and started. Its secrets are in its folder, not here."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.errors import InternalServerException
from agentcore_lab.idp.child import IdpDidNotStart, ProviderProcess
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.lab_door import LabDoor

PATH = "/_lab/idp"


class IdpRoutes:
    """Says where the provider is, and starts it; all accounts share it."""

    def __init__(self, door: LabDoor, provider: ProviderProcess) -> None:
        self._door = door
        self._provider = provider

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's."""
        app.router.add_get(PATH, self._door.asks(self.where))
        app.router.add_post(PATH, self._door.asks(self.start))

    async def where(self, _request: web.Request, _scope: Scope) -> web.Response:
        """Its address, or null."""
        return self._answer(self._provider.issuer)

    async def start(self, _request: web.Request, _scope: Scope) -> web.Response:
        """Its address, once it listens."""
        try:
            return self._answer(await self._provider.start())
        except IdpDidNotStart as error:
            raise InternalServerException(str(error)) from error

    def _answer(self, issuer: str | None) -> web.Response:
        return web.json_response({"issuer": issuer, "folder": str(self._provider.folder)})
