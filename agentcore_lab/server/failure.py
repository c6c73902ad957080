"""What a caller is told when the engine itself failed: nothing but where to look."""

from __future__ import annotations

import logging

from agentcore_lab.errors import InternalServerException

log = logging.getLogger(__name__)


def internal_error(request_id: str) -> InternalServerException:
    """The error for the exception being handled, which is written to the log."""
    log.exception("request %s failed", request_id)
    return InternalServerException(
        f"The engine failed on this request. Its log tells why: look for {request_id}."
    )
