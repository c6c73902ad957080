"""What a check is, what it finds, and what mending may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentcore_lab.doctor.machine import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_lab.doctor.host import Host

Tried = frozenset[Command]
"""The commands run so far: no mend offers one of them twice."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look found: ``detail`` says it in a few words, ``hint`` what a person can do about it."""

    ok: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the lab needs.

    ``look`` changes nothing and may be called at any time. ``mend`` gives the next commands that bring the
    machine nearer to ``ok``, as the machine is now: empty when there is nothing (more) to try. ``serves`` are
    the parts of the product that need it (docker, process, images, browser).
    """

    name: str
    look: Callable[[], Finding]
    mend: Callable[[Tried], tuple[Command, ...]]
    serves: frozenset[str] = field(default_factory=frozenset)


def nothing(_: Tried) -> tuple[Command, ...]:
    """No command mends this."""
    return ()


def apt_install(host: Host, tried: Tried, *packages: str) -> tuple[Command, ...]:
    """Install Debian or Ubuntu packages, the lists of packages brought up to date once before the first."""
    if not host.has_apt:
        return ()
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get")
    update = Command(host.as_root(*apt, "update"))
    install = Command(host.as_root(*apt, "install", "-y", "--no-install-recommends", *packages))
    return untried(tried, install) and (*untried(tried, update), install)


def untried(tried: Tried, *commands: Command) -> tuple[Command, ...]:
    """Those of ``commands`` that were not run yet."""
    return tuple(command for command in commands if command not in tried)
