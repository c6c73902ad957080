"""Texts of a policy: ``*`` and ``?`` are wild, ``${key}`` is a value of the request (AWS: policy variables)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from agentcore_lab.authorization.context import Context


class Wild(Enum):
    """What is not a letter of the text."""

    ANY = "*"
    ONE = "?"


Pattern = Sequence[str | Wild]
"""Letters, each to be met as it is, and wild cards."""

_VARIABLE = re.compile(r"\$\{(?P<key>[^},]*)(?:,\s*'(?P<default>[^']*)')?\}")
_ESCAPED = frozenset({"*", "?", "$"})
_COLONS_OF_AN_ARN = 5


def resolved(text: str, context: Context | None) -> str | None:
    """``text`` with its variables replaced; None when the request lacks one of them.

    ``context`` is None where variables mean nothing: in policies of version 2008-10-17.
    """
    parts = list(_parts(text, context))
    return None if None in parts else "".join(part for part in parts if isinstance(part, str))


def pattern(text: str, context: Context | None) -> Pattern | None:
    """``text`` as a pattern; a variable's value has no wild cards. None when the request lacks a variable."""
    found: list[str | Wild] = []
    at = 0
    for match in _variables(text, context):
        found += map(_letter, text[at : match.start()])
        value = _value(match, context)
        if value is None:
            return None
        found += value
        at = match.end()
    return [*found, *map(_letter, text[at:])]


def fits(wanted: Pattern, text: str) -> bool:
    """Whether all of ``text`` fits; in time proportional to both lengths, whatever the wild cards."""
    at = here = 0
    star, resume = -1, 0
    while at < len(text):
        if here < len(wanted) and wanted[here] is Wild.ANY:
            star, resume = here, at
            here += 1
        elif here < len(wanted) and (wanted[here] is Wild.ONE or wanted[here] == text[at]):
            here, at = here + 1, at + 1
        elif star >= 0:
            resume += 1
            here, at = star + 1, resume
        else:
            return False
    return all(each is Wild.ANY for each in wanted[here:])


def fits_arn(wanted: Pattern, arn: str) -> bool:
    """Whether an ARN fits, each of its six components by itself (AWS: ArnLike)."""
    components = _components(wanted)
    values = arn.split(":", _COLONS_OF_AN_ARN)
    return len(components) == len(values) and all(map(fits, components, values))


def _components(wanted: Pattern) -> list[list[str | Wild]]:
    components: list[list[str | Wild]] = [[]]
    for each in wanted:
        if each == ":" and len(components) <= _COLONS_OF_AN_ARN:
            components.append([])
        else:
            components[-1].append(each)
    return components


def _letter(letter: str) -> str | Wild:
    return Wild(letter) if letter in {"*", "?"} else letter


def _variables(text: str, context: Context | None) -> Iterator[re.Match[str]]:
    return _VARIABLE.finditer(text) if context is not None else iter(())


def _parts(text: str, context: Context | None) -> Iterator[str | None]:
    at = 0
    for match in _variables(text, context):
        yield text[at : match.start()]
        yield _value(match, context)
        at = match.end()
    yield text[at:]


def _value(match: re.Match[str], context: Context | None) -> str | None:
    """A variable's value; keys of several values cannot be variables."""
    if match["key"] in _ESCAPED:
        return match["key"]
    assert context is not None, "variables are looked for in a context alone"
    values = context.get(match["key"].strip())
    return values[0] if values is not None and len(values) == 1 else match["default"]
