"""Whether the container engine here can run ARM64 containers, and how its containers are reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException
from requests.exceptions import RequestException

from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBE_SECONDS = 5.0
MEND = "run agentcore-lab doctor --fix"
_BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_KERNEL = Path("/proc/sys/kernel/osrelease")


def docker_unavailable() -> str | None:
    """Why ARM64 containers cannot run here and what would mend it, in one sentence; None if they can."""
    try:
        client = connect(PROBE_SECONDS, max_pool_size=1)
    except EngineUnreachable as error:
        return f"no container engine answers ({error}): {MEND}"
    try:
        return why_no_arm64(client.info())
    except (DockerException, RequestException) as error:
        return f"the container engine does not answer ({error}): {MEND}"
    finally:
        client.close()


def why_no_arm64(info: Mapping[str, Any], *, binfmt: Path = _BINFMT, kernel: Path = _KERNEL) -> str | None:
    """Why the engine that gave ``info`` cannot run linux/arm64; None if it can, or if it is not ours to see."""
    if info.get("OSType", "linux") != "linux":
        return "the container engine runs Windows containers: switch it to Linux containers"
    architecture = info.get("Architecture")
    if architecture in ("aarch64", "arm64") or not shares_kernel(info, kernel=kernel):
        return None
    if _is_registered(binfmt):
        return None
    return f"the container engine runs on {architecture}, and no QEMU handler for ARM64 is registered: {MEND}"


def shares_kernel(info: Mapping[str, Any], *, kernel: Path = _KERNEL) -> bool:
    """Whether containers run on this machine's own kernel, not in a virtual machine or on another host.

    Docker Desktop and its like bring their own ARM64 handler, and their bridge cannot be reached from here.
    """
    try:
        return kernel.read_text(encoding="ascii").strip() == info.get("KernelVersion")
    except OSError:
        return False


def reaches_bridge(info: Mapping[str, Any]) -> bool:
    """Whether a container's own address can be reached from here; a rootless engine hides its bridge."""
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    return shares_kernel(info) and not rootless


def _is_registered(binfmt: Path) -> bool:
    """Whether the kernel hands ARM64 programs to QEMU, inside containers too (flag F)."""
    try:
        lines = binfmt.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags
