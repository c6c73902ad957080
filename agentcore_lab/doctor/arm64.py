"""Programs for ARM64 run: natively, by the engine's own virtual machine, or under QEMU through binfmt_misc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_lab.doctor.checks import Check, Finding, Tried, apt_install, untried
from agentcore_lab.doctor.docker_engine import reach
from agentcore_lab.doctor.machine import Command
from agentcore_lab.sandbox.docker_host import EngineUnreachable

if TYPE_CHECKING:
    from agentcore_lab.doctor.host import Host
    from agentcore_lab.doctor.machine import Machine

BINFMT = "/proc/sys/fs/binfmt_misc"
REGISTERED = f"{BINFMT}/qemu-aarch64"
FORMAT = "/usr/lib/binfmt.d/qemu-aarch64.conf"


def arm64(machine: Machine, host: Host) -> Check:
    """The engine runs linux/arm64 containers."""

    def look() -> Finding:
        engine = reach(machine)
        if isinstance(engine, EngineUnreachable):
            native = host.processor in {"aarch64", "arm64"}
            return Finding(True, f"native ({host.processor})") if native else _kernel(machine, host)
        if engine.runs_arm64_natively:
            return Finding(True, f"native: the engine runs on {engine.architecture}")
        if engine.kernel != (machine.read("/proc/sys/kernel/osrelease") or "").strip():
            return Finding(True, f"left to {engine.name}, which runs containers on a kernel of its own")
        return _kernel(machine, host)

    def mend(tried: Tried) -> tuple[Command, ...]:
        if not host.has_apt:
            return ()
        if not machine.exists(FORMAT):
            return _install(host, tried)
        if not machine.exists(f"{BINFMT}/register"):
            return untried(tried, Command(host.as_root("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)))
        return untried(tried, *_registration(machine, host))

    return Check("ARM64", look, mend, frozenset({"docker"}))


def _kernel(machine: Machine, host: Host) -> Finding:
    """What this machine's kernel does with an ARM64 program."""
    entry = machine.read(REGISTERED)
    if entry is None:
        hint = "" if host.has_apt else "install QEMU user emulation with binfmt_misc registration"
        return Finding(False, f"no qemu-aarch64 in binfmt_misc on {host.processor}", hint)
    lines = entry.splitlines()
    if not lines or lines[0] != "enabled":
        return Finding(False, "qemu-aarch64 is registered, but disabled")
    flags = next((line.removeprefix("flags:").strip() for line in lines if line.startswith("flags:")), "")
    if "F" not in flags:
        return Finding(False, "qemu-aarch64 is registered without flag F: containers cannot see the emulator")
    return Finding(True, "QEMU, registered with binfmt_misc")


def _install(host: Host, tried: Tried) -> tuple[Command, ...]:
    """QEMU's static programs; since Debian 13 their binary format is a package of its own."""
    return apt_install(host, tried, "qemu-user-static", "binfmt-support") or apt_install(
        host, tried, "qemu-user-binfmt"
    )


def _registration(machine: Machine, host: Host) -> tuple[Command, ...]:
    write = Command(host.as_root("sh", "-c", f"cat {FORMAT} >{BINFMT}/register"))
    if not machine.exists(REGISTERED):
        return (write,)
    return Command(host.as_root("sh", "-c", f"echo -1 >{REGISTERED}")), write
