"""Panels' scripts and styles as the browser receives them, without a build step."""

from __future__ import annotations

import re
from pathlib import Path

from agentcore_lab.looks.card import theme

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const |class )", re.MULTILINE)


def stylesheet(*names: str) -> str:
    """The theme and the named style sheets as one, in this order."""
    return "\n".join([theme(), *((_STATIC / name).read_text("utf-8") for name in names)])


def module(name: str) -> str:
    """The named ES module with the neighbours it imports inlined before it, each once.

    A widget's script reaches the browser as one text and has no address to import a neighbour from.
    """
    return _inlined(name, set())


def _inlined(name: str, seen: set[str]) -> str:
    if name in seen:
        return ""
    seen.add(name)
    source = (_STATIC / name).read_text("utf-8")
    neighbours = "".join(_EXPORT.sub("", _inlined(found, seen)) for found in _IMPORT.findall(source))
    return neighbours + _IMPORT.sub("", source)
