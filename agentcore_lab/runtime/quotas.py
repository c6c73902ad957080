"""How many of each thing an account may have (AWS: bedrock-agentcore-limits; all of these are adjustable there)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from agentcore_lab.errors import ServiceQuotaExceededException
from agentcore_lab.plain_error import PlainError


class UnknownQuota(PlainError):  # noqa: N818 - a state, named as one
    """A setting names a quota that does not exist."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The limits in force; rates in calls, or new sessions, a second."""

    runtimes: int = 1000
    versions_per_runtime: int = 1000
    endpoints_per_runtime: int = 10
    workload_identities: int = 11_000
    credential_providers_of_a_kind: int = 50
    mutating_calls_per_second: int = 50
    get_calls_per_second: int = 150
    list_calls_per_second: int = 25
    data_calls_per_second: int = 1000
    new_sessions_per_second: int = 25


def quotas_from(adjusted: Mapping[str, int]) -> Quotas:
    """AWS's defaults with the adjusted ones in their place. Raises UnknownQuota."""
    known = {field.name for field in fields(Quotas)}
    if unknown := sorted(set(adjusted) - known):
        raise UnknownQuota(f"AGENTCORE_LAB_QUOTAS names {', '.join(unknown)}: use {', '.join(sorted(known))}")
    return replace(Quotas(), **adjusted)


def require_room(have: int, limit: int, what: str) -> None:
    """Raise ServiceQuotaExceededException when one more than ``have`` would be above ``limit``."""
    if have >= limit:
        raise ServiceQuotaExceededException(
            f"The quota of {limit} {what} is used up. Delete some, or raise it with AGENTCORE_LAB_QUOTAS."
        )
