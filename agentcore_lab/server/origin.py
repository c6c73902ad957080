"""Who may change something through the lab's own API: programs of this machine, not web pages a browser has open."""

from __future__ import annotations

from aiohttp import web

_SCHEMES = ("http", "https")
"""With ``--tls`` both are spoken at one port: nothing else than the engine can be at either origin."""


def is_foreign(request: web.Request) -> bool:
    """Whether a browser sends this for a page that is not the engine's own.

    Browsers add Origin to every such request. It is compared with where this engine listens and not with the Host
    header, which is the page's own choice when its name is made to lead here (DNS rebinding).
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
    return origin not in _own_origins(request)


def _own_origins(request: web.Request) -> set[str]:
    assert request.transport is not None
    host, port = request.transport.get_extra_info("sockname")[:2]
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    return {f"{scheme}://{name}:{port}" for name in names for scheme in _SCHEMES}
