"""What machine this is, and what may be installed on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agentcore_lab.doctor.machine import Command

if TYPE_CHECKING:
    from agentcore_lab.doctor.machine import Machine

Family = Literal["debian", "ubuntu", "macos", "linux", "other"]


@dataclass(frozen=True, slots=True)
class Host:
    """The facts that decide which commands can mend something here.

    ``name`` is for people (``Debian GNU/Linux 12 (bookworm)``). ``debian`` and ``ubuntu`` stand for everything
    derived from them. ``sudo`` means sudo without a password.
    """

    family: Family
    name: str
    processor: str
    root: bool
    sudo: bool
    systemd: bool
    wsl: bool

    @property
    def has_apt(self) -> bool:
        """Whether packages come from Debian or Ubuntu."""
        return self.family in {"debian", "ubuntu"}

    @property
    def privileged(self) -> bool:
        """Whether a command can be run as root without asking for a password."""
        return self.root or self.sudo

    def as_root(self, *argv: str) -> tuple[str, ...]:
        """``argv`` as root runs it; for a person to type where this process cannot."""
        if self.root:
            return argv
        return ("sudo", "-n", *argv) if self.sudo else ("sudo", *argv)

    def can_run(self, command: Command) -> bool:
        """Whether ``command`` runs without a password: one made by ``as_root`` may not."""
        return self.privileged or command.argv[0] != "sudo"


def survey(machine: Machine) -> Host:
    """Look at ``machine``; changes nothing."""
    kernel, processor = machine.system()
    root = machine.is_root()
    release = _os_release(machine.read("/etc/os-release") or "")
    return Host(
        family=_family(kernel, release),
        name=release.get("PRETTY_NAME") or {"Darwin": "macOS"}.get(kernel, kernel),
        processor=processor,
        root=root,
        sudo=not root and machine.which("sudo") is not None and _sudo_without_password(machine),
        systemd=machine.exists("/run/systemd/system"),
        wsl="microsoft" in (machine.read("/proc/version") or "").lower(),
    )


def _sudo_without_password(machine: Machine) -> bool:
    return machine.run(Command(("sudo", "-n", "true"))).ok


def _family(kernel: str, release: dict[str, str]) -> Family:
    if kernel == "Darwin":
        return "macos"
    if kernel != "Linux":
        return "other"
    kin = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if "ubuntu" in kin:
        return "ubuntu"
    return "debian" if "debian" in kin else "linux"


def _os_release(text: str) -> dict[str, str]:
    """The fields of os-release(5)."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}
