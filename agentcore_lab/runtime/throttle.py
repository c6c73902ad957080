"""How often an account may call (AWS: bedrock-agentcore-limits, request rates): a bucket of tokens for each kind.

A bucket holds a second's worth, so that a burst of that size passes, and fills as the engine's clock goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ThrottlingException
from agentcore_lab.runtime.quotas import Quotas


class Kind(StrEnum):
    """What is counted together."""

    MUTATING = "mutating_calls_per_second"
    GET = "get_calls_per_second"
    LIST = "list_calls_per_second"
    DATA = "data_calls_per_second"
    NEW_SESSION = "new_sessions_per_second"


def control_kind(operation: str) -> Kind:
    """What a control-plane operation counts as."""
    if operation.startswith("Get"):
        return Kind.GET
    return Kind.LIST if operation.startswith("List") else Kind.MUTATING


@dataclass(slots=True)
class _Bucket:
    rate: int
    tokens: float
    filled_at: datetime


class Throttle:
    """Admits calls at the rates of ``quotas``."""

    def __init__(self, clock: Clock, quotas: Quotas) -> None:
        self._clock = clock
        rates = {kind: getattr(quotas, kind.value) for kind in Kind}
        self._buckets = {kind: _Bucket(rate, rate, clock.now()) for kind, rate in rates.items()}

    def admit(self, kind: Kind) -> None:
        """Count one call. Raises ThrottlingException when it comes too soon."""
        bucket, now = self._buckets[kind], self._clock.now()
        gained = (now - bucket.filled_at).total_seconds() * bucket.rate
        bucket.tokens = min(bucket.rate, bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise ThrottlingException("Rate exceeded")
        bucket.tokens -= 1
