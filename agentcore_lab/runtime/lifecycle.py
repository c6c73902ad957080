"""How long sessions live: the rules of lifecycleConfiguration (AWS: runtime-lifecycle-settings)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException

DEFAULT_IDLE_SECONDS = 900
DEFAULT_LIFETIME_SECONDS = 28_800
_IDLE = "idleRuntimeSessionTimeout"
_LIFETIME = "maxLifetime"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The two time-outs of a version's sessions."""

    idle_timeout: timedelta
    max_lifetime: timedelta


def effective(configuration: Mapping[str, Any] | None) -> dict[str, int]:
    """lifecycleConfiguration with AWS's defaults filled in, as GetAgentRuntime returns it; seconds.

    A maximum lifetime below the default idle time-out takes the idle time-out down with it.

    Raises:
        ValidationException: the idle time-out is longer than the maximum lifetime.
    """
    given = configuration or {}
    lifetime = int(given.get(_LIFETIME, DEFAULT_LIFETIME_SECONDS))
    idle = int(given.get(_IDLE, min(DEFAULT_IDLE_SECONDS, lifetime)))
    if idle > lifetime:
        message = f"{_IDLE} must be less than or equal to {_LIFETIME}"
        raise ValidationException(message, fields=(InvalidField(f"lifecycleConfiguration.{_IDLE}", message),))
    return {_IDLE: idle, _LIFETIME: lifetime}


def lifecycle_of(spec: Mapping[str, Any]) -> Lifecycle:
    """The time-outs a version's sessions live under."""
    seconds = effective(spec.get("lifecycleConfiguration"))
    return Lifecycle(timedelta(seconds=seconds[_IDLE]), timedelta(seconds=seconds[_LIFETIME]))
