"""``/_lab/model/scripts``: what the scripted model has to answer an account, set by whoever writes a lab or a test."""

from __future__ import annotations

from aiohttp import web

from agentcore_lab.errors import ValidationException
from agentcore_lab.model.scripts import ScriptsOfAccounts, script_from
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.server.lab_door import LabDoor, json_of

PATH = "/_lab/model/scripts"


class ModelScripts:
    """Lists, adds and clears an account's scripts."""

    def __init__(self, door: LabDoor, scripts: ScriptsOfAccounts) -> None:
        self._door = door
        self._scripts = scripts

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's."""
        app.router.add_get(PATH, self._door.asks(self.list))
        app.router.add_post(PATH, self._door.asks(self.add))
        app.router.add_post(f"{PATH}/clear", self._door.asks(self.clear))

    async def list(self, _request: web.Request, scope: Scope) -> web.Response:
        """Every script, in the order in which they are tried."""
        scripts = self._scripts.of(scope.account_id)
        return web.json_response({"scripts": [script.described() for script in scripts.all()]})

    async def add(self, request: web.Request, scope: Scope) -> web.Response:
        """Keep ``{"when": …, "then": …}``; an older one with the same ``when`` is replaced."""
        given = await json_of(request)
        try:
            self._scripts.of(scope.account_id).add(script_from(given))
        except ValueError as error:
            raise ValidationException(str(error)) from None
        return await self.list(request, scope)

    async def clear(self, request: web.Request, scope: Scope) -> web.Response:
        """Forget all scripts."""
        self._scripts.of(scope.account_id).clear()
        return await self.list(request, scope)
