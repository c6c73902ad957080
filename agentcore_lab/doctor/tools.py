"""The programs beside the container engine: Python, uv, what makes base images, a browser for the tests."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING

from agentcore_lab.doctor.checks import Check, Finding, Tried, apt_install, nothing, untried
from agentcore_lab.doctor.machine import Command

if TYPE_CHECKING:
    from agentcore_lab.doctor.host import Host
    from agentcore_lab.doctor.machine import Machine

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PLAYWRIGHT = (sys.executable, "-m", "playwright", "install")


def python() -> Check:
    """Python 3.11 to 3.13, as pyproject.toml has it."""

    def look() -> Finding:
        return Finding(
            (3, 11) <= sys.version_info[:2] <= (3, 13),
            f"{platform.python_version()} at {sys.executable}",
            "make the virtual environment with Python 3.11, 3.12 or 3.13",
        )

    return Check("Python", look, nothing, frozenset({"process"}))


def uv(machine: Machine) -> Check:
    """uv, which resolves an agent's requirements for ARM64 on the host."""
    ask = Command((sys.executable, "-m", "uv", "--version"))

    def look() -> Finding:
        result = machine.run(ask)
        detail = result.lines[-1] if result.lines else f"exit code {result.code}"
        return Finding(result.ok, detail, "install the package again: make setup")

    def mend(tried: Tried) -> tuple[Command, ...]:
        return untried(tried, Command((sys.executable, "-m", "pip", "install", "uv")))

    return Check("uv", look, mend, frozenset({"process"}))


def toolkit(machine: Machine) -> Check:
    """What AWS's starter toolkit wants of a machine in direct-code mode; in container mode it wants nothing."""

    def look() -> Finding:
        lacking = [name for name in ("uv", "zip") if machine.which(name) is None]
        if not lacking:
            return Finding(True, "uv and zip are there for its direct-code mode")
        return Finding(
            True, f"container mode works as it is; direct-code mode needs {' and '.join(lacking)} on the PATH"
        )

    return Check("Starter toolkit", look, nothing)


def image_tools(machine: Machine, host: Host) -> Check:
    """mmdebstrap and Debian's keys, for ARM64 base images where no image registry can be reached."""

    def look() -> Finding:
        program = machine.which("mmdebstrap")
        if program and machine.exists(KEYRING):
            return Finding(True, f"mmdebstrap at {program}")
        if not host.has_apt:
            return Finding(True, "base images come from the public registry")
        lacking = "debian-archive-keyring" if program else "mmdebstrap"
        return Finding(False, f"{lacking} is not installed; base images come from the public registry alone")

    def mend(tried: Tried) -> tuple[Command, ...]:
        return apt_install(host, tried, "mmdebstrap", "arch-test", "debian-archive-keyring")

    return Check("Image tools", look, mend, frozenset({"images"}))


def chromium(machine: Machine, host: Host) -> Check:
    """A Chromium for the browser tests: the system's, or Playwright's own."""

    def look() -> Finding:
        path = find_chromium(machine, host)
        return Finding(path is not None, path or "none that Playwright can drive")

    def mend(tried: Tried) -> tuple[Command, ...]:
        if host.family == "debian":
            return apt_install(host, tried, "chromium")
        deps = ("--with-deps",) if host.family == "ubuntu" and host.privileged else ()
        return untried(tried, Command((*PLAYWRIGHT, *deps, "chromium")))

    return Check("Chromium", look, mend, frozenset({"browser"}))


def find_chromium(machine: Machine, host: Host) -> str | None:
    """The browser the tests can drive; None where there is none.

    Ubuntu's chromium is a snap, which cannot be driven from a temporary profile: there only Google's own
    package or Playwright's browser counts.
    """
    names = ("google-chrome", "google-chrome-stable")
    for name in names if host.family == "ubuntu" else ("chromium", *names):
        if path := machine.which(name):
            return path
    plan = machine.run(Command((*PLAYWRIGHT, "--dry-run", "chromium", "--no-shell")))
    places = re.findall(r"Install location:\s+(\S.*chromium-\d+)$", "\n".join(plan.lines), re.MULTILINE)
    return next((place for place in places if machine.exists(place)), None)
