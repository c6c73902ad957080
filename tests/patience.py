"""How long a test waits for what happens in the background, before it says that it never came."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds, in real time. They cost only a test that fails, so they are enough for a machine with much else to do."""


def eventually(holds: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Wait until it holds; ``within`` is in seconds, real ones."""
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until, f"it did not come true in {within:g} s"
        time.sleep(0.01)
