"""Pages of a listing and the opaque tokens between them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from agentcore_lab.errors import ValidationException

DEFAULT_PAGE = 100


def page(key: str, items: list[dict[str, Any]], last: str | None) -> dict[str, Any]:
    """One page; ``last`` is the sort key of its last item when more follow."""
    result: dict[str, Any] = {key: items}
    if last is not None:
        result["nextToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    return result


def decode_token(token: str | None) -> str:
    """The sort key a page ended with; empty for the first page. Raises ValidationException."""
    if token is None:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise _bad_token() from error


def decode_number(token: str | None) -> int | None:
    """The number a page ended with; None for the first page. Raises ValidationException."""
    if token is None:
        return None
    text = decode_token(token)
    if not text.isdecimal():
        raise _bad_token()
    return int(text)


def _bad_token() -> ValidationException:
    return ValidationException("The nextToken is not one this operation returned.")
