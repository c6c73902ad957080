"""Whether a range of Node.js versions, as ``engines.node`` of a package.json has it, takes in a major version.

npm's grammar (node-semver, "Ranges"), read for one question only: is there a version ``N.x.y`` in the range?
"""

from __future__ import annotations

import re

_HYPHEN = re.compile(r"^\s*(\S+)\s+-\s+(\S+)\s*$")
_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~>?)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*])[-+\w.]*)?")
# A version as one number, so that a range is two of them.
_MINOR = 1 << 10
_MAJOR = _MINOR * _MINOR


def allows(wanted: str, major: int) -> bool:
    """Whether some version ``major.x.y`` satisfies ``wanted``; what cannot be read forbids nothing."""
    first, after = major * _MAJOR, (major + 1) * _MAJOR
    for alternative in wanted.split("||"):
        low, high = _interval(alternative)
        if max(low, first) < min(high, after):
            return True
    return False


def _interval(comparators: str) -> tuple[int, int]:
    """The versions from the first up to but without the second that all of ``comparators`` let through."""
    if hyphen := _HYPHEN.match(comparators):
        comparators = f">={hyphen[1]} <={hyphen[2]}"
    low, high = 0, 1 << 60
    for operator, *parts in _COMPARATOR.findall(comparators):
        numbers = [int(part) for part in parts if part.isdigit()]
        exact = numbers + [0] * (3 - len(numbers))
        this = exact[0] * _MAJOR + exact[1] * _MINOR + exact[2]
        after = _after(this, len(numbers))
        if not numbers:
            continue
        match operator:
            case ">=":
                low = max(low, this)
            case ">":
                low = max(low, after)
            case "<":
                high = min(high, this)
            case "<=":
                high = min(high, after)
            case "^":
                low, high = max(low, this), min(high, (exact[0] + 1) * _MAJOR)
            case "~" | "~>":
                low, high = max(low, this), min(high, _after(this - this % _MINOR, min(len(numbers), 2)))
            case _:
                low, high = max(low, this), min(high, after)
    return low, high


def _after(this: int, precision: int) -> int:
    """The first version that is no longer ``this``, of which ``precision`` numbers were given."""
    step = {1: _MAJOR, 2: _MINOR}.get(precision, 1)
    return this + step
