"""AWS's host names: which ones there are, and which service each belongs to."""

from __future__ import annotations

import re

DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
"""The domains that the SDK takes for AWS's own (bedrock-agentcore SDK: _validate_endpoint_url)."""

PLAYED = frozenset({"bedrock-agentcore", "bedrock-agentcore-control", "bedrock-runtime"})
"""The services that answer under their own names."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_LOCAL = ("localhost", "host.docker.internal")


def is_aws(host: str) -> bool:
    """Whether ``host``, without a port, is a name of AWS's API endpoints."""
    return any(host.lower().endswith(f".{domain}") for domain in DOMAINS)


def is_local(host: str) -> bool:
    """Whether ``host`` is a name of this machine: ``localhost``, any name below it, and containers' name for it."""
    return host.lower() in _LOCAL or host.lower().endswith(".localhost")


def service_of(host: str) -> str | None:
    """The service an AWS name belongs to, as names spell it; None for any other name.

    ``my-bucket.s3.us-west-2.amazonaws.com`` is ``s3``, ``123456789012.dkr.ecr.us-west-2.amazonaws.com`` is ``ecr``.
    """
    if not is_aws(host):
        return None
    lower = host.lower()
    domain = next(domain for domain in DOMAINS if lower.endswith(f".{domain}"))
    labels = lower.removesuffix(f".{domain}").split(".")
    while len(labels) > 1 and (_REGION.fullmatch(labels[-1]) or labels[-1] == "dualstack"):
        labels.pop()
    return "gateway" if labels[-2:] == ["gateway", "bedrock-agentcore"] else labels[-1]


def is_played(host: str) -> bool:
    """Whether the engine answers under this AWS name."""
    return service_of(host) in PLAYED


def names_in(region: str) -> list[str]:
    """Every name under which the engine answers for one region."""
    return [f"{service}.{region}.amazonaws.com" for service in sorted(PLAYED)]
