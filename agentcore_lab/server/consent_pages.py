"""Where a user's browser comes by in a consent: ``/identities/oauth2/authorize`` and each provider's callback."""

from __future__ import annotations

import html

from aiohttp import web

from agentcore_lab.errors import AwsError
from agentcore_lab.identity.consent_flow import ConsentFlow
from agentcore_lab.identity.oauth2_operations import CALLBACK
from agentcore_lab.identity.oauth2_tokens import AUTHORIZE

_HEADERS = {
    # The address of these pages is a secret between a user, the engine and the provider.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>agentcore-lab: not authorized</title>
<style>:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 40rem; margin: 15vh auto; padding: 0 1rem }}</style>
<main><h1>Not authorized</h1><p>{message}</p></main></html>
"""


class ConsentPages:
    """Two addresses that only send a browser on; what goes wrong is told to the user on a page."""

    def __init__(self, flow: ConsentFlow) -> None:
        self._flow = flow

    def add_routes(self, app: web.Application) -> None:
        """Put these routes before AWS's, which have none of them in a model."""
        app.router.add_get(AUTHORIZE, self.authorize)
        app.router.add_get(CALLBACK + "{callback_id}", self.callback)

    async def authorize(self, request: web.Request) -> web.Response:
        """On to the provider."""
        try:
            return _on(await self._flow.to_provider(request.query.get("request_uri", "")))
        except AwsError as error:
            return _told(error)

    async def callback(self, request: web.Request) -> web.Response:
        """Back from the provider, on to the application."""
        query = request.query
        try:
            where = await self._flow.from_provider(
                request.match_info["callback_id"],
                query.get("state", ""),
                query.get("code") if "error" not in query else None,
                query.get("iss"),
            )
        except AwsError as error:
            return _told(error)
        return _on(where)


def _on(url: str) -> web.Response:
    return web.Response(status=302, headers={**_HEADERS, "Location": url})


def _told(error: AwsError) -> web.Response:
    page = _PAGE.format(message=html.escape(error.message))
    return web.Response(status=400, headers=_HEADERS, text=page, content_type="text/html")
