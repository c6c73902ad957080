"""Routes of the data plane that no service model has: clients build them by hand (CONTRACT: section 4.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from aiohttp import web

from agentcore_lab.runtime.arn import Scope

_PREFIX = "/runtimes/"
_RUNTIME = re.compile(r"[^/]+|arn:[^/]*:runtime/[^/]+")
"""An id or an ARN and nothing more: an endpoint may be called as one of these routes is."""


class Handler(Protocol):
    """Answers one of these routes; ``runtime`` is the ARN or id of the path. Raises AwsError."""

    async def handle(
        self, scope: Scope, request: web.Request, runtime: str, request_id: str
    ) -> web.StreamResponse:
        """The answer."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """The handler a path is for, and the runtime it names, percent-decoded; ``public``: it answers anybody."""

    handler: Handler
    runtime: str
    public: bool


@dataclass(frozen=True, slots=True)
class Routes:
    """Handlers by method and by what follows ``/runtimes/{agentRuntimeArn}``; the suffixes that answer anybody."""

    handlers: Mapping[tuple[str, str], Handler]
    public: frozenset[str] = frozenset()

    def match(self, method: str, raw_path: str) -> Found | None:
        """The handler for a path as received, without the query; a trailing slash makes no difference."""
        path = raw_path.removesuffix("/")
        for (wanted, suffix), handler in self.handlers.items():
            if method == wanted and path.startswith(_PREFIX) and path.endswith(suffix):
                runtime = unquote(path[len(_PREFIX) : -len(suffix)])
                if _RUNTIME.fullmatch(runtime):
                    return Found(handler, runtime, suffix in self.public)
        return None
