"""What stands in a header: bytes, which need not be the UTF-8 that everything else is."""

from __future__ import annotations

import re

_IN_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""Control characters but the tab (RFC 9110, section 5.5), and half surrogates, which have no UTF-8."""


def readable(value: str) -> str:
    """A header that was received, with U+FFFD for bytes that are no UTF-8: aiohttp has half surrogates there."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def fits(value: str) -> bool:
    """Whether a header may have this value."""
    return _IN_NO_HEADER.search(value) is None
