"""``/_lab/model/scripts``: what the scripted model has to answer, set by whoever writes a lab or a test."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.model.scripts import Scripts, script_from
from agentcore_lab.server.origin import is_foreign

PATH = "/_lab/model/scripts"


class ModelScripts:
    """Lists, adds and clears scripts."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's."""
        app.router.add_get(PATH, self.list)
        app.router.add_post(PATH, self.add)
        app.router.add_post(f"{PATH}/clear", self.clear)

    async def list(self, _request: web.Request) -> web.Response:
        """Every script, in the order in which they are tried."""
        return web.json_response({"scripts": [script.described() for script in self._scripts.all()]})

    async def add(self, request: web.Request) -> web.Response:
        """Keep ``{"when": …, "then": …}``; an older one with the same ``when`` is replaced."""
        if is_foreign(request):
            return _refused(403, "A web page of another origin may not set this engine's scripts.")
        try:
            self._scripts.add(script_from(await request.json()))
        except ValueError as error:
            return _refused(400, str(error))
        return await self.list(request)

    async def clear(self, request: web.Request) -> web.Response:
        """Forget all scripts."""
        if is_foreign(request):
            return _refused(403, "A web page of another origin may not clear this engine's scripts.")
        self._scripts.clear()
        return await self.list(request)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
