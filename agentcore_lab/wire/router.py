"""From a method and a raw path to an operation.

Paths are split before they are decoded, because ARNs arrive as ``%3A`` and ``%2F``. A trailing slash is neither
required nor a reason to redirect: a redirect breaks signed requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentcore_lab.wire.models import Operation


_REMEMBERED = 256
"""Paths whose way is kept: callers ask for the same few over and over."""


@dataclass(frozen=True, slots=True)
class Match:
    """The operation a request is for, and its path labels, percent-decoded."""

    operation: Operation
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Route:
    operation: Operation
    labels: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    statics: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    routes: dict[str, _Route] = field(default_factory=dict)


class Router:
    """Finds the one operation a request is for, in a tree of path segments.

    Raises:
        ValueError: two of the operations answer to the same method and path.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._remembered = lru_cache(_REMEMBERED)(self._search)
        for operation in operations:
            self._add(operation)

    def match(self, method: str, raw_path: str) -> Match | None:
        """The operation for ``method`` and ``raw_path`` (as received, without the query); None if there is none.

        A fixed segment beats a label. An ARN whose slashes were not encoded, as hand-built clients send it, is
        taken as one label where the rest of the path tells it apart.
        """
        return self._remembered(method, raw_path)

    def _search(self, method: str, raw_path: str) -> Match | None:
        segments = raw_path.removeprefix("/").removesuffix("/").split("/")
        values: list[str] = []
        route = _find(self._root, segments, 0, method, values)
        if route is None:
            return None
        return Match(route.operation, dict(zip(route.labels, map(unquote, values), strict=True)))

    def _add(self, operation: Operation) -> None:
        node = self._root
        labels = []
        path = operation.uri_template.split("?", 1)[0]
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                labels.append(segment.strip("{}+"))
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.statics.setdefault(segment, _Node())
        if taken := node.routes.get(operation.method):
            raise ValueError(f"{taken.operation.name} and {operation.name} share {operation.method} {path}")
        node.routes[operation.method] = _Route(operation, tuple(labels))


def _find(node: _Node, segments: Sequence[str], at: int, method: str, values: list[str]) -> _Route | None:
    """Depth first; ``values`` holds the labels of the branch being tried."""
    if at == len(segments):
        return node.routes.get(method)
    segment = segments[at]
    static = node.statics.get(segment)
    if static and (route := _find(static, segments, at + 1, method, values)):
        return route
    if node.label is None or not segment:
        return None
    longest = len(segments) if _opens_arn(segment) else at + 1
    for end in range(at + 1, longest + 1):
        values.append("/".join(segments[at:end]))
        if route := _find(node.label, segments, end, method, values):
            return route
        values.pop()
    return None


def _opens_arn(segment: str) -> bool:
    return segment.startswith("arn") and unquote(segment).startswith("arn:")
