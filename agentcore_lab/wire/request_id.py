"""Request ids, as ``x-amzn-RequestId`` carries them."""

from __future__ import annotations

from uuid import uuid4


def new_request_id() -> str:
    """A fresh UUID4 in its 36-character form."""
    return str(uuid4())
