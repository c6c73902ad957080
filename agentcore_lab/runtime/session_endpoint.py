"""Where a session's endpoint is: the URL that leads to the allowed ports of one session.

What AWS's own URL looks like is not documented. Here there are two forms. Programs use ``sessionEndpointUrl`` and put
the port after it: ``http://127.0.0.1:4566/_session/<token>/<port>/path``. Browsers need a host for each app, because
pages name files from the root and because no app may share an origin with the engine:
``http://<port>-<token>.localhost:4566/path``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from agentcore_lab.runtime.session import Session

PATH = "/_session/"
_IN_HOST = re.compile(r"(?P<port>\d{1,5})-(?P<token>[0-9a-f]{32})\.localhost(?::\d+)?", re.IGNORECASE)
_IN_PATH = re.compile(r"/_session/(?P<token>[0-9a-f]{32})/(?P<port>\d{1,5})(?P<rest>[/?].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request to a session endpoint is for. ``path`` is with the query.

    ``browser``: it came by the form for browsers, whose token in the host is all the credentials they can bring.
    """

    token: str
    port: int
    path: str
    browser: bool


def session_endpoint_url(base: str, session: Session) -> str | None:
    """``sessionEndpointUrl`` of InvokeAgentRuntime; None for a session without allowed ports.

    ``base`` is the engine's URL. AWS: at most 128 characters.
    """
    return f"{base}{PATH}{session.token}" if session.ports else None


def browser_urls(base: str, session: Session) -> list[str]:
    """The URL of each allowed port for a browser: the first of a range stands for all of it."""
    port = urlsplit(base).port
    return [f"http://{span.start}-{session.token}.localhost:{port}/" for span in session.ports]


def target_of(host: str, raw_path: str) -> Target | None:
    """What a request is for; None for one that is not to a session endpoint. ``raw_path`` is as received."""
    if found := _IN_HOST.fullmatch(host):
        return Target(found["token"].lower(), int(found["port"]), raw_path, browser=True)
    if not raw_path.startswith(PATH):
        return None
    found = _IN_PATH.fullmatch(raw_path)
    if found is None:
        return Target("", 0, "/", browser=False)
    rest = found["rest"] or "/"
    return Target(
        found["token"], int(found["port"]), rest if rest.startswith("/") else f"/{rest}", browser=False
    )
