"""A buildspec's shell commands, split into simple ones. Nothing of them is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SEPARATORS = frozenset({"&", "&&", ";", "|", "||", "\n"})
_NAME = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_FAILED = ("[ $? -ne 0 ]", "[ $? != 0 ]", "[[ $? -ne 0 ]]", "[[ $? != 0 ]]")
"""Whether the last command failed: a build whose commands fail does not get that far."""


class NotUnderstood(Exception):  # noqa: N818 - a state, named as one
    """A command that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command: its words as written, quotes taken off, variables not replaced."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


def simple_commands(text: str) -> Iterator[Simple]:
    """The simple commands of a script in order, as if each succeeded.

    Lists, pipes, background jobs and ``if [ $? -ne 0 ]`` are followed; other control flow is not.

    Raises:
        NotUnderstood: quotes that do not end, or control flow that depends on more than success.
    """
    skipping = 0
    for words in _lines(text):
        line = " ".join(words)
        if words[0] == "if":
            if line.removeprefix("if ") not in _FAILED:
                raise NotUnderstood(f"`{line}`: only `if {_FAILED[0]}` is followed")
            skipping += 1
        elif skipping and words[0] in {"fi", "else"}:
            skipping -= 1
        elif words[0] == "fi" or skipping:
            continue
        elif words[0] in {"for", "while", "until", "case", "function", "{", "(", "elif"}:
            raise NotUnderstood(f"`{line}`: this control flow is not followed")
        else:
            yield Simple(tuple(words))


def expanded(word: str, variables: Mapping[str, str]) -> str:
    """``word`` with its variables replaced; what a command would print stays as written."""
    return _NAME.sub(lambda found: variables.get(found[1] or found[3]) or found[2] or "", word)


def assignment(word: str) -> tuple[str, str] | None:
    """The name and the value of ``NAME=value``."""
    found = _ASSIGNMENT.fullmatch(word)
    return (found[1], found[2]) if found else None


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        reader = shlex.shlex(line, posix=True, punctuation_chars="&;|")
        reader.whitespace_split = True
        reader.commenters = "#"
        words: list[str] = []
        try:
            for word in reader:
                if word in _SEPARATORS:
                    yield from _told(words)
                    words = []
                else:
                    words.append(word)
        except ValueError as error:
            raise NotUnderstood(f"`{line.strip()}`: {error}") from None
        yield from _told(words)


def _told(words: list[str]) -> Iterator[list[str]]:
    """The words without what only marks the branches of an if."""
    while words and words[0] in {"then", "do", "!"}:
        words = words[1:]
    if words and words[0] == "else" and len(words) > 1:
        yield ["else"]
        words = words[1:]
    if words:
        yield words
