"""How often an account may call (AWS: bedrock-agentcore-limits, request rates): a bucket of tokens for each kind.

A bucket holds a second's worth, so that a burst of that size passes, and fills as the engine's clock goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agentcore_lab.clock import Clock
from agentcore_lab.errors import ThrottlingException
from agentcore_lab.runtime.quotas import Quotas

_MANY = 1000
"""Buckets, from which on those that are full are thrown away."""


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
    """Admits calls of each account at the rates of ``quotas``."""

    def __init__(self, clock: Clock, quotas: Quotas) -> None:
        self._clock = clock
        self._rates: dict[Kind, int] = {kind: getattr(quotas, kind.value) for kind in Kind}
        self._buckets: dict[tuple[Kind, str], _Bucket] = {}

    def admit(self, kind: Kind, account_id: str) -> None:
        """Count one call of an account. Raises ThrottlingException when it comes too soon."""
        now, rate = self._clock.now(), self._rates[kind]
        bucket = self._buckets.get((kind, account_id)) or self._new(
            (kind, account_id), _Bucket(rate, rate, now)
        )
        gained = (now - bucket.filled_at).total_seconds() * bucket.rate
        bucket.tokens = min(bucket.rate, bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise ThrottlingException("Rate exceeded")
        bucket.tokens -= 1

    def _new(self, key: tuple[Kind, str], bucket: _Bucket) -> _Bucket:
        """Keep one more bucket. Those that are full again are not missed: who calls may name any account."""
        if len(self._buckets) >= _MANY:
            since = bucket.filled_at - timedelta(seconds=1)
            self._buckets = {known: each for known, each in self._buckets.items() if each.filled_at > since}
        self._buckets[key] = bucket
        return bucket
