"""Waiting for something of the engine to come about, with an end to patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from agentcore_lab.clock import stopwatch
from agentcore_lab.plain_error import PlainError

_POLL_SECONDS = 0.1

Seen = TypeVar("Seen")


class NotSettled(PlainError, TimeoutError):  # noqa: N818 - a state, named as one
    """What was waited for had not come about when patience ended."""


def wait_for(
    look: Callable[[], Seen], come: Callable[[Seen], bool], timeout: float, otherwise: Callable[[Seen], str]
) -> Seen:
    """What ``look`` sees once it is as ``come`` wants it; ``timeout`` is in the machine's seconds.

    Raises:
        NotSettled: it was not so by then, in the words that ``otherwise`` has for what was seen last.
    """
    ends = stopwatch() + timeout
    while not come(seen := look()):
        if stopwatch() >= ends:
            raise NotSettled(otherwise(seen))
        time.sleep(_POLL_SECONDS)
    return seen
