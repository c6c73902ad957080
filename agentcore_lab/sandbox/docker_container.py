"""What a sandbox is as a container: its limits, its walls and the labels by which it is found again."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.types import LogConfig

from agentcore_lab.sandbox import docker_trust
from agentcore_lab.sandbox.base import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_lab.sandbox.base import SandboxSpec

OWNER = "agentcore-lab.owner"
SANDBOX = "agentcore-lab.sandbox"
PORT = "agentcore-lab.port"
PORTS = "agentcore-lab.ports"
NAMES = "agentcore-lab.labels"
PLATFORM = "linux/arm64"
PIDS = 1024
# Emulating pointer authentication, which Debian 13's programs use throughout, makes them eight times slower.
# Read by QEMU, where there is one, and by nothing else.
QEMU_CPU = "max,pauth=off"
_GIB = 1024**3
_MOST_PUBLISHED = 32
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sandbox may use at most: processors, and bytes of memory (swap is off)."""

    vcpus: float
    memory: int


def limits_on(info: Mapping[str, Any], vcpus: float, memory_gib: float) -> Limits:
    """The limits asked for, scaled down to the engine's machine, with a warning, where that is smaller."""
    limits = Limits(min(vcpus, info["NCPU"]), min(int(memory_gib * _GIB), info["MemTotal"]))
    if limits != Limits(vcpus, int(memory_gib * _GIB)):
        _LOG.warning(
            "this machine is smaller than an AgentCore session (%g vCPU, %g GB): sandboxes get %g vCPU, %.1f GB",
            *(vcpus, memory_gib, limits.vcpus, limits.memory / _GIB),
        )
    return limits


def container_name(sandbox_id: str) -> str:
    """The container's name, for people; sandboxes are told apart by their labels."""
    return f"agentcore-lab-{sandbox_id}"


def container_options(
    spec: SandboxSpec,
    owner: str,
    limits: Limits,
    network: str,
    gateway: str | None,
    *,
    init: bool,
    publish: bool,
) -> dict[str, Any]:
    """Arguments for the docker SDK's ``containers.create``."""
    names = spec.secure.names if spec.secure and gateway else ()
    trust = docker_trust.environment() if spec.secure else {}
    return {
        "image": spec.image.digest,
        "platform": PLATFORM,
        "name": container_name(spec.id),
        "environment": {"QEMU_CPU": QEMU_CPU, **trust, **spec.environment},
        "labels": {**spec.labels, **_marks(spec, owner)},
        # AWS: "Quotas for Amazon Bedrock AgentCore", hardware of a session: 2 vCPU / 8 GB.
        "nano_cpus": int(limits.vcpus * 1e9),
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "pids_limit": PIDS,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network": network,
        "extra_hosts": {"host.docker.internal": "host-gateway", **dict.fromkeys(names, gateway)},
        "ports": {f"{port}/tcp": ("127.0.0.1", None) for port in _published(spec)} if publish else {},
        # The agent is rarely written to be process 1: an init passes SIGTERM on and reaps what it leaves.
        "init": init,
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "2"}),
    }


def address_of(
    attributes: Mapping[str, Any], network: str, wanted: int | None, *, publish: bool
) -> str | None:
    """Where the engine reaches a port of a container, the agent's unless another is wanted, as inspection tells.

    None while it has no address, and for a port that it was not started with.
    """
    labels = attributes["Config"]["Labels"]
    own = int(labels[PORT])
    port = wanted or own
    if port != own and not any(port in span for span in _spans(labels.get(PORTS, ""))):
        return None
    settings = attributes["NetworkSettings"]
    if publish:
        bindings = (settings.get("Ports") or {}).get(f"{port}/tcp")
        return f"http://127.0.0.1:{bindings[0]['HostPort']}" if bindings else None
    host = (settings.get("Networks") or {}).get(network, {}).get("IPAddress")
    return f"http://{host}:{port}" if host else None


def gateway_of(network: Mapping[str, Any]) -> str | None:
    """The engine's machine as containers of a network see it, as the network's inspection tells."""
    pools = network["IPAM"].get("Config") or []
    found = (pool.get("Gateway") for pool in pools if ":" not in (pool.get("Gateway") or ":"))
    return next(found, None)


def usage_in(statistics: Mapping[str, Any]) -> Usage | None:
    """What an engine's statistics say a container has used; None for one that does not run.

    Memory is counted as ``docker stats`` counts it: without the file cache that can be given back at once
    (cgroup v1 calls it ``total_inactive_file``, v2 ``inactive_file``).
    """
    memory = statistics.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Usage(
        cpu_seconds=statistics["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory_bytes=max(0, memory["usage"] - cache),
        memory_limit=memory.get("limit"),
    )


def labels_of(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels the sandbox was started with, without the backend's own and those its image brought along."""
    return {name: labels[name] for name in json.loads(labels[NAMES])}


def _marks(spec: SandboxSpec, owner: str) -> dict[str, str]:
    spans = ",".join(f"{span.start}-{span.stop}" for span in spec.ports)
    return {
        OWNER: owner,
        SANDBOX: spec.id,
        PORT: str(spec.port),
        PORTS: spans,
        NAMES: json.dumps(list(spec.labels)),
    }


def _spans(text: str) -> list[range]:
    """What ``_marks`` wrote."""
    return [range(*map(int, span.split("-"))) for span in text.split(",") if span]


def _published(spec: SandboxSpec) -> list[int]:
    """The agent's port and the others, as far as there may be so many: each costs a process of the engine's."""
    others = sorted({port for span in spec.ports for port in span} - {spec.port})
    if len(others) > _MOST_PUBLISHED:
        _LOG.warning(
            "this container engine reaches sandboxes by published ports: of the %d that are allowed, %d to %d are",
            *(len(others), others[0], others[_MOST_PUBLISHED - 1]),
        )
    return [spec.port, *others[:_MOST_PUBLISHED]]
