"""Which tool fits a question: by the words they share, always the same one for the same question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentcore_lab.model.conversation import Tool

_NAME_WEIGHT = 2
_ENOUGH = 2
"""One word of a tool's name, or two of its description."""

_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMON = frozenset(
    """
    a an and any are as at be by can could did do does for from get give given had has have how i if in into is it
    its list me my no not of on one or our please return returns show so some tell than that the their them then
    there these they this those to tool up us use used using value want was we what when where which who why will
    with would you your
    """.split()  # noqa: SIM905 - a hundred quotes tell no more
)
_ENDINGS = (
    "ations", "ators", "ating", "ation", "ator", "ates", "ated", "ate", "ying", "ies", "ied",
    "ing", "ers", "er", "ed", "es", "s", "e", "y",
)  # fmt: skip
_SIGNS = (
    (re.compile(r"\d\s*\+\s*[\d(]"), "add plus sum calculate math arithmetic"),
    (re.compile(r"\d\s*[*×x]\s*[\d(]"), "multiply times product calculate math arithmetic"),
    (re.compile(r"\d\s*-\s*[\d(]"), "subtract minus difference calculate math arithmetic"),
    (re.compile(r"\d\s*[/÷]\s*[\d(]"), "divide quotient calculate math arithmetic"),
    (re.compile(r"\bplus\b"), "add sum calculate"),
    (re.compile(r"\btimes\b"), "multiply product calculate"),
    (re.compile(r"\bminus\b"), "subtract calculate"),
    (re.compile(r"\bdivided\b"), "divide calculate"),
)
"""What signs in a question say in words that tools are described with."""


def fitting(question: str, tools: Sequence[Tool]) -> Tool | None:
    """The tool whose name and description share most words with ``question``; the first of equals; None if too few."""
    best = best_of(question, tools)
    return best if best is not None and _score(_asked(question), best) >= _ENOUGH else None


def best_of(question: str, tools: Sequence[Tool]) -> Tool | None:
    """The same, however little it fits; None only without tools."""
    asked = _asked(question)
    return max(tools, key=lambda tool: _score(asked, tool), default=None)


def _score(asked: frozenset[str], tool: Tool) -> int:
    name = stems(_CAMEL.sub(" ", tool.name))
    return _NAME_WEIGHT * len(asked & name) + len(asked & (stems(tool.description) - name))


def _asked(question: str) -> frozenset[str]:
    lower = question.lower()
    return stems(f"{question} {' '.join(said for sign, said in _SIGNS if sign.search(lower))}")


def stems(text: str) -> frozenset[str]:
    """The words of a text that tell something, without their endings."""
    found = {word.lower() for word in _WORD.findall(text)}
    return frozenset(_stem(word) for word in found - _COMMON if len(word) > 1)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
