"""``agentcore-lab doctor``: what the lab needs, what is missing, and mending it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from agentcore_lab.clock import stopwatch
from agentcore_lab.doctor import Command, Outcome, Report, Result, ThisMachine, examine
from agentcore_lab.settings import Settings

if TYPE_CHECKING:
    from rich.status import Status

    from agentcore_lab.doctor import Purpose
    from agentcore_lab.settings import SandboxChoice

COLOURS = {"ok": "green", "fixed": "cyan", "missing": "bold red"}
HEARTBEAT = 10.0
"""Seconds between two signs of life where there is no terminal to animate."""
NOTEWORTHY = 2.0
"""Seconds after which a command is worth a word about how long it took."""

SANDBOX_OPTION = typer.Option(
    help="The sandbox the lab shall run on: auto, docker or process.", show_default="auto", metavar="NAME"
)
PURPOSE_OPTION = typer.Option("--for", help="What shall work: the lab, or its tests too (lab, test).")


class Conversation:
    """The doctor's voice on a terminal, or as plain lines where there is none."""

    def __init__(self, console: Console, *, ask: bool) -> None:
        self._console = console
        self._ask = ask
        self._status: Status | None = None
        self._begun = self._spoken = 0.0

    def say(self, line: str, style: str = "") -> None:
        """One line, never wrapped: it may be copied as a command."""
        self._console.print(Text(line, style=style), soft_wrap=True)

    def settled(self, outcome: Outcome) -> None:
        """``ok``, ``fixed`` or ``missing``, and the command that would mend it."""
        line = Text.assemble(
            (f"{outcome.state:<8}", COLOURS[outcome.state]), (f"{outcome.name:<16}", "bold"), outcome.detail
        )
        self._console.print(line, soft_wrap=True)
        for command in outcome.mend:
            self.say(f"{'':8}mend with: {command}")

    def may_run(self, name: str, commands: tuple[Command, ...]) -> bool:
        """Ask the person at the terminal; elsewhere, and with ``--yes``, go ahead."""
        if not self._ask:
            return True
        self.say(f"To mend {name}:")
        for command in commands:
            self.say(f"  {command}")
        return typer.confirm("Run this?", default=True, err=self._console.stderr)

    def running(self, command: Command) -> None:
        """Show the command before it runs."""
        self.say(f"$ {command}", "dim")
        self._begun = self._spoken = stopwatch()
        if self._console.is_terminal:
            self._status = self._console.status(Text(command.argv[0]))
            self._status.start()

    def heard(self, line: str) -> None:
        """Show that the command is alive."""
        now = stopwatch()
        if self._status is not None:
            self._status.update(Text(f"{now - self._begun:.0f} s  {line}"[: self._console.width - 4]))
        elif now - self._spoken >= HEARTBEAT:
            self._spoken = now
            self.say(f"  … {now - self._begun:.0f} s: {line}")

    def ended(self, command: Command, result: Result) -> None:
        """Say how long it took, or why it failed."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        took = stopwatch() - self._begun
        if not result.ok:
            self.say(f"  {command.argv[0]} ended with exit code {result.code} after {took:.0f} s:", "red")
            for line in result.tail:
                self.say(f"  | {line}")
        elif took > NOTEWORTHY:
            self.say(f"  done in {took:.0f} s", "dim")

    def unmendable(self, why: str) -> None:
        """Said once, before the conclusion."""
        self.say(why)


def person_present() -> bool:
    """Whether somebody sits at the terminal who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def conclusion(report: Report) -> str:
    """What the lab can do on this machine, in one line."""
    if report.sandbox == "docker":
        return "The lab will run on docker: one ARM64 container a session."
    if report.sandbox == "process":
        return (
            "The lab will run on the process sandbox: agents run as plain processes of this user, "
            "on this machine's architecture, kept apart less strictly than containers."
        )
    if report.wanted == "docker" and report.serves("process"):
        return "The lab cannot run on docker here; --sandbox process would work."
    return "The lab cannot run here: mend what is missing first."


def as_json(report: Report) -> dict[str, Any]:
    """The report for scripts; ``ok`` is whether the lab can run on the wanted sandbox."""
    return {
        "ok": report.sandbox is not None,
        "wanted": report.wanted,
        "sandbox": report.sandbox,
        "works": {part: report.serves(part) for part in ("docker", "process", "images", "browser")},
        "checks": [
            {"name": each.name, "state": each.state, "detail": each.detail, "mend": list(each.mend)}
            for each in report.outcomes
        ],
    }


def doctor(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before mending.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    sandbox: Annotated[str | None, SANDBOX_OPTION] = None,
    purpose: Annotated[str, PURPOSE_OPTION] = "lab",
) -> None:
    """Say what the lab needs and what is missing, one line a check; --fix mends it.

    Every command is printed before it runs. A person at the terminal is asked first, unless --yes.
    Exits 0 when the lab can run on the wanted sandbox, 1 when it cannot.
    """
    settings = Settings.load()
    wanted = _one_of("--sandbox", sandbox or settings.sandbox, ("auto", "docker", "process"))
    console = Console(stderr=as_data, highlight=False)
    voice = Conversation(console, ask=person_present() and not yes)
    report = examine(
        ThisMachine(),
        voice,
        sandbox=cast("SandboxChoice", wanted),
        purpose=cast("Purpose", _one_of("--for", purpose, ("lab", "test"))),
        data_dir=settings.data_dir,
        fix=fix,
        url="" if sandbox else settings.url,
    )
    voice.say(conclusion(report))
    if as_data:
        typer.echo(json.dumps(as_json(report), indent=2))
    if report.sandbox is None:
        raise typer.Exit(1)


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}", param_hint=option)
    return value
