"""AWS's host names, and this machine's own."""

from __future__ import annotations

from collections.abc import Collection

DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
"""The domains that the SDK takes for AWS's own (bedrock-agentcore SDK: _validate_endpoint_url)."""

_GLOBAL = ("iam",)
_BOTH = ("s3", "sts")
"""Services without regions in their names, and those that can be named either way."""
_LOCAL = ("localhost", "host.docker.internal")


def is_aws(host: str) -> bool:
    """Whether ``host``, without a port, is a name of AWS's API endpoints."""
    return any(host.lower().endswith(f".{domain}") for domain in DOMAINS)


def is_local(host: str) -> bool:
    """Whether ``host`` is a name of this machine: ``localhost``, any name below it, and containers' name for it."""
    return host.lower() in _LOCAL or host.lower().endswith(".localhost")


def names_in(region: str, account: str, services: Collection[str]) -> list[str]:
    """The names that AWS's material writes out for some services, named as they are signed for, in one region.

    Names with a bucket in them are not among them: there are as many as buckets.
    """
    names = [f"{service}.{region}.amazonaws.com" for service in services if service not in _GLOBAL]
    names += [f"{service}.amazonaws.com" for service in services if service in {*_GLOBAL, *_BOTH}]
    if "ecr" in services:
        names += [f"api.ecr.{region}.amazonaws.com", f"{account}.dkr.ecr.{region}.amazonaws.com"]
    return sorted(names)
