"""A container engine: installed, running, and open to this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_lab.doctor.checks import Check, Finding, Tried, apt_install, untried
from agentcore_lab.doctor.machine import Command
from agentcore_lab.sandbox.docker_host import EngineUnreachable

if TYPE_CHECKING:
    from pathlib import Path

    from agentcore_lab.doctor.host import Host
    from agentcore_lab.doctor.machine import Machine
    from agentcore_lab.sandbox.docker_host import Engine

SOCKET_PATIENCE = 30.0
"""Seconds a daemon may take from its start to its socket."""

VM_PATIENCE = 180.0
"""Seconds an engine may take that boots a virtual machine first."""

DESKTOP_APP = "/Applications/Docker.app"


def reach(machine: Machine) -> Engine | EngineUnreachable:
    """The engine in reach, or why there is none."""
    try:
        return machine.find_engine()
    except EngineUnreachable as error:
        return error


def installed(machine: Machine, host: Host) -> Check:
    """An engine is on the machine. The ``docker`` client alone is none: it only talks to a daemon."""

    def look() -> Finding:
        engine = reach(machine)
        if not isinstance(engine, EngineUnreachable):
            return Finding(True, f"{engine.name} {engine.version}")
        if engine.permission_denied:
            return Finding(True, "installed, for other users")
        if found := _programs(machine, host):
            return Finding(True, found[0])
        client = "only the docker client is installed, no daemon" if machine.which("docker") else "none"
        return Finding(False, client, _advice(host))

    def mend(tried: Tried) -> tuple[Command, ...]:
        return apt_install(host, tried, "docker.io", "iptables")

    return Check("Docker Engine", look, mend, frozenset({"docker"}))


def running(machine: Machine, host: Host, data_dir: Path) -> Check:
    """The engine answers this user."""
    log = data_dir / "dockerd.log"

    def look() -> Finding:
        engine = reach(machine)
        if not isinstance(engine, EngineUnreachable):
            return Finding(True, f"{engine.name} {engine.version} at {engine.address}")
        if engine.permission_denied:
            mending = 'sudo usermod -aG docker "$USER", then log in again'
            return Finding(False, "it is running, but this user may not use it", mending)
        return Finding(False, _why_silent(machine, log, engine), _start_advice(machine, host))

    def mend(tried: Tried) -> tuple[Command, ...]:
        engine = reach(machine)
        if isinstance(engine, EngineUnreachable) and engine.permission_denied:
            return ()
        for command in _starts(machine, host, log):
            if command not in tried:
                return untried(tried, command)
        return ()

    return Check("Docker running", look, mend, frozenset({"docker"}))


def _starts(machine: Machine, host: Host, log: Path) -> tuple[Command, ...]:
    """Every way to start the engine here, the most proper first."""
    if host.family == "macos":
        return _macos_starts(machine)
    ways = []
    if machine.which("dockerd"):
        if host.systemd:
            ways.append(Command(host.as_root("systemctl", "start", "docker"), settle=SOCKET_PATIENCE))
        elif machine.exists("/etc/init.d/docker"):
            ways.append(Command(host.as_root("service", "docker", "start"), settle=SOCKET_PATIENCE))
        if not host.systemd:
            ways.append(Command(host.as_root("dockerd"), log=log, settle=SOCKET_PATIENCE))
    elif machine.which("podman") and host.systemd:
        ways.append(Command(("systemctl", "--user", "enable", "--now", "podman.socket"), settle=5.0))
    return tuple(ways)


def _macos_starts(machine: Machine) -> tuple[Command, ...]:
    if machine.exists(DESKTOP_APP):
        return (Command(("open", "-a", "Docker"), settle=VM_PATIENCE),)
    if machine.which("colima"):
        return (Command(("colima", "start"), settle=SOCKET_PATIENCE),)
    if machine.which("podman"):
        return (Command(("podman", "machine", "start"), settle=SOCKET_PATIENCE),)
    return ()


def _programs(machine: Machine, host: Host) -> tuple[str, ...]:
    """What is installed that could be an engine, in words."""
    found = []
    if path := machine.which("dockerd"):
        found.append(f"dockerd at {path}")
    if host.family == "macos":
        found += ["Docker Desktop"] if machine.exists(DESKTOP_APP) else []
        found += [f"Colima at {path}"] if (path := machine.which("colima")) else []
    if path := machine.which("podman"):
        found.append(f"Podman at {path}")
    return tuple(found)


def _why_silent(machine: Machine, log: Path, failure: EngineUnreachable) -> str:
    """The daemon's own last word if the doctor started one, else what the sockets said."""
    text = machine.read(str(log)) or ""
    complaints = [line for line in text.splitlines() if line.startswith("failed to start daemon")]
    return complaints[-1] if complaints else f"no engine answers ({failure})"


def _start_advice(machine: Machine, host: Host) -> str:
    if host.wsl and not machine.which("dockerd"):
        return "start Docker Desktop and turn on its WSL integration"
    if machine.which("podman") and not host.systemd and not machine.which("dockerd"):
        return "podman system service --time 0 &"
    return "" if _programs(machine, host) else "install a container engine first"


def _advice(host: Host) -> str:
    if host.family == "macos":
        return "brew install colima docker && colima start (or install Docker Desktop)"
    if host.wsl:
        return "install Docker Desktop and turn on its WSL integration"
    return "install Docker Engine or Podman with this system's package manager"
