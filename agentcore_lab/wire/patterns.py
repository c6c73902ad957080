"""The models' regular expressions, which are Java's, as Python's."""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from functools import cache

_CATEGORY = re.compile(r"\\p\{(\w{1,2})\}")
_JOINED_RUNS = re.compile(r"\[(?P<members>[^\]\\^][^\]\\]*)\]\+(?P<more>(\.\[(?P=members)\]\+)+)")


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""A model's ``pattern``, to be matched against a whole string.

    Java's classes ``\w``, ``\d`` and ``\s`` are ASCII; its ``\p{C}`` (Unicode general categories) is unknown to
    Python and written out. What Python cannot compile at all constrains nothing: a newer model must not stop the
    engine.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", FutureWarning
        )  # set operations, which Python would take for characters
        try:
            written_out = _CATEGORY.sub(lambda found: _ranges(found[1]), pattern)
            return re.compile(_quick_to_refuse(written_out), re.ASCII)
        except (re.error, FutureWarning):
            return re.compile(r"(?s:.*)")


def _quick_to_refuse(pattern: str) -> str:
    """The same language, without the cubic time that ``[x]+.[x]+.[x]+`` (AWS's JWTs) takes to refuse a string.

    Its dots match members of the class too, so a token with one wrong character at its end, such as a line feed,
    would be cut in every possible way. No more characters can be outside of the class than there are dots, and none
    of them side by side: that is looked at first, in one pass.
    """
    runs = _JOINED_RUNS.fullmatch(pattern)
    if runs is None:
        return pattern
    members = runs["members"]
    dots = len(runs["more"]) // len(f".[{members}]+")
    return rf"(?=[{members}]+(?:[^\n{members}][{members}]+){{0,{dots}}}\Z){pattern}"


@cache
def _ranges(category: str) -> str:
    """The inside of a character class that holds every character of a Unicode general category."""
    ranges: list[tuple[int, int]] = []
    for code in range(sys.maxunicode + 1):
        if not unicodedata.category(chr(code)).startswith(category):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
