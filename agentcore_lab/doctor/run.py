"""Look at the whole machine, mend what can be mended, and say what the lab can do here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from agentcore_lab.doctor import arm64, docker_engine, elsewhere, tools
from agentcore_lab.doctor.host import Host, survey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentcore_lab.doctor.checks import Check, Finding
    from agentcore_lab.doctor.machine import Command, Machine, Result
    from agentcore_lab.settings import SandboxChoice

State = Literal["ok", "fixed", "missing"]
Purpose = Literal["lab", "test"]

PAUSE = 0.5
"""Seconds between two looks at something that was just started."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check's end: ``mend`` are the commands that would mend what is missing, or a person's next step."""

    name: str
    state: State
    detail: str
    mend: tuple[str, ...] = ()
    serves: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Report:
    """Every outcome, in order, and what follows from them."""

    wanted: SandboxChoice
    outcomes: tuple[Outcome, ...]

    @property
    def sandbox(self) -> Literal["docker", "process"] | None:
        """The sandbox the lab will run on; None when the wanted one cannot be had."""
        if not self.serves("process"):
            return None  # what the process sandbox needs, the kit itself needs
        if self.wanted != "process" and self.serves("docker"):
            return "docker"
        return "process" if self.wanted != "docker" else None

    def serves(self, part: str) -> bool:
        """Whether ``part`` (docker, process, images, browser) was looked at and misses nothing."""
        states = [outcome.state for outcome in self.outcomes if part in outcome.serves]
        return bool(states) and "missing" not in states


class Voice(Protocol):
    """How the doctor talks to whoever called it."""

    def settled(self, outcome: Outcome) -> None:
        """A check has its outcome."""
        ...

    def may_run(self, name: str, commands: tuple[Command, ...]) -> bool:
        """Show the commands that would mend ``name``; whether they may be run."""
        ...

    def running(self, command: Command) -> None:
        """A command starts now."""
        ...

    def heard(self, line: str) -> None:
        """The command that runs printed ``line``."""
        ...

    def ended(self, command: Command, result: Result) -> None:
        """The command that ran is over."""
        ...

    def unmendable(self, why: str) -> None:
        """Something is missing and nothing can be installed here."""
        ...


@dataclass(slots=True)
class Treatment:
    """What this run has done to the machine so far."""

    machine: Machine
    host: Host
    voice: Voice
    tried: set[Command] = field(default_factory=set)
    refused: bool = False
    """A person said no: nothing more is offered."""

    def mend(self, check: Check, finding: Finding) -> Finding:
        """Offer and run commands until the check is ok or there is nothing more to try."""
        while not finding.ok and not self.refused:
            commands = check.mend(frozenset(self.tried))
            if not commands or not all(map(self.host.can_run, commands)):
                return finding
            if not self.voice.may_run(check.name, commands):
                self.refused = True
                return finding
            finding = self._run(check, commands)
        return finding

    def _run(self, check: Check, commands: tuple[Command, ...]) -> Finding:
        for command in commands:
            self.tried.add(command)
            self.voice.running(command)
            result = self.machine.run(command, self.voice.heard)
            finding = check.look()
            waited = 0.0
            while result.ok and not finding.ok and waited < command.settle:
                self.machine.pause(PAUSE)
                waited += PAUSE
                self.voice.heard(f"waiting for it: {finding.detail}")
                finding = check.look()
            self.voice.ended(command, result)
            if not result.ok:
                break
        return finding


def checks(
    machine: Machine, host: Host, *, sandbox: SandboxChoice, purpose: Purpose, data_dir: Path, url: str = ""
) -> Iterator[Check]:
    """What ``purpose`` needs, in the order in which one thing builds on another."""
    yield tools.python()
    if url:
        yield elsewhere.engine(url)
        return
    yield tools.uv(machine)
    yield tools.toolkit(machine)
    if sandbox != "process":
        yield docker_engine.installed(machine, host)
        yield docker_engine.running(machine, host, data_dir)
        yield arm64.arm64(machine, host)
        yield tools.image_tools(machine, host)
    if purpose == "test":
        yield tools.chromium(machine, host)


def examine(
    machine: Machine,
    voice: Voice,
    *,
    sandbox: SandboxChoice,
    purpose: Purpose,
    data_dir: Path,
    fix: bool,
    url: str = "",
) -> Report:
    """Run every check and, with ``fix``, mend what is missing; ``voice`` hears each outcome as it settles.

    ``data_dir`` is where the log of a daemon goes that has to be started by hand. ``url``: an engine that is
    somebody else's, and needs nothing of this machine.
    """
    host = survey(machine)
    treatment = Treatment(machine, host, voice)
    outcomes = []
    for check in checks(machine, host, sandbox=sandbox, purpose=purpose, data_dir=data_dir, url=url):
        finding = check.look()
        state: State = "ok" if finding.ok else "missing"
        if fix and not finding.ok:
            finding = treatment.mend(check, finding)
            state = "fixed" if finding.ok else "missing"
        outcome = Outcome(check.name, state, finding.detail, _advice(check, finding), check.serves)
        voice.settled(outcome)
        outcomes.append(outcome)
    report = Report(sandbox, tuple(outcomes))
    if fix and sandbox != "process" and not report.serves("docker") and (why := _bound_hands(host)):
        voice.unmendable(why)
    return report


def _bound_hands(host: Host) -> str:
    """Why the doctor cannot install anything on ``host``; empty where it can."""
    if not host.has_apt:
        return f"Nothing can be installed here: the doctor does not know the packages of {host.name}."
    if not host.privileged:
        return "Nothing can be installed here: this user is not root and has no sudo without a password."
    return ""


def _advice(check: Check, finding: Finding) -> tuple[str, ...]:
    """What would mend it: the exact commands, tried or not, else words."""
    if finding.ok:
        return ()
    return tuple(map(str, check.mend(frozenset()))) or ((finding.hint,) if finding.hint else ())
