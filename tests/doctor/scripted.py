"""A machine that exists on paper: it has what a test says, and commands change it as the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agentcore_lab.doctor import Command, Outcome, Result
from agentcore_lab.sandbox.docker_host import Engine, EngineUnreachable

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nID_LIKE=debian\n'
FEDORA = 'PRETTY_NAME="Fedora Linux 42"\nID=fedora\n'
KERNEL = "6.1.0-amd64"
REGISTERED = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\n"
FORMAT = "/usr/lib/binfmt.d/qemu-aarch64.conf"
BINFMT = "/proc/sys/fs/binfmt_misc"

LOCAL_ENGINE = Engine("unix:///var/run/docker.sock", "Debian GNU/Linux 12", "20.10.24", "x86_64", KERNEL)

Effect = Callable[["ScriptedMachine"], Result | None]


@dataclass
class ScriptedMachine:
    """``effects`` maps the start of a command line to what it does; a command without one just succeeds."""

    files: dict[str, str] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    effects: dict[str, Effect] = field(default_factory=dict)
    root: bool = True
    kernel: tuple[str, str] = ("Linux", "x86_64")
    engine: Engine | None = None
    refusal: str = "No such file or directory"
    wakes_after: float | None = None
    """Seconds of waiting after which the engine answers."""
    ran: list[str] = field(default_factory=list)
    waited: float = 0.0

    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> Result:
        line = str(command)
        self.ran.append(line)
        if on_line is not None:
            on_line("…")
        for start, effect in self.effects.items():
            if line.startswith(start) or f" {start}" in line:
                return effect(self) or Result(0)
        return Result(0, ("uv 0.13.8",))

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        return path in self.files

    def system(self) -> tuple[str, str]:
        return self.kernel

    def is_root(self) -> bool:
        return self.root

    def find_engine(self) -> Engine:
        if self.wakes_after is not None and self.waited >= self.wakes_after:
            self.engine = LOCAL_ENGINE
        if self.engine is None:
            raise EngineUnreachable((("unix:///var/run/docker.sock", self.refusal),))
        return self.engine

    def pause(self, seconds: float) -> None:
        self.waited += seconds

    @property
    def mended_with(self) -> list[str]:
        """What was run to change the machine, looks left out."""
        looks = ("--version", "--dry-run", "sudo -n true")
        return [line for line in self.ran if not any(look in line for look in looks)]


@dataclass
class Listener:
    """A voice that remembers what was said and answers every question alike."""

    answer: bool = True
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    heard_lines: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    failures: list[Result] = field(default_factory=list)

    def settled(self, outcome: Outcome) -> None:
        self.outcomes[outcome.name] = outcome

    def may_run(self, name: str, commands: tuple[Command, ...]) -> bool:
        assert commands, "nobody is asked about nothing"
        self.asked.append(name)
        return self.answer

    def running(self, command: Command) -> None:
        self.shown.append(str(command))

    def heard(self, line: str) -> None:
        self.heard_lines.append(line)

    def ended(self, command: Command, result: Result) -> None:
        assert str(command) == self.shown[-1]
        if not result.ok:
            self.failures.append(result)

    def unmendable(self, why: str) -> None:
        self.said.append(why)

    @property
    def states(self) -> dict[str, str]:
        return {name: outcome.state for name, outcome in self.outcomes.items()}


def install(*programs: str, files: dict[str, str] | None = None) -> Effect:
    """The effect of a package that brings ``programs`` and ``files``."""

    def effect(machine: ScriptedMachine) -> None:
        machine.programs |= set(programs)
        machine.files |= files or {}

    return effect


def fresh_debian(release: str = DEBIAN, *, root: bool = True) -> ScriptedMachine:
    """A machine with a docker client and nothing else, on which apt, mount and dockerd do what they do."""
    return ScriptedMachine(
        files={"/etc/os-release": release, "/proc/sys/kernel/osrelease": KERNEL + "\n"},
        programs={"docker"},
        root=root,
        effects={
            "apt-get install -y --no-install-recommends docker.io": install(
                "dockerd", files={"/etc/init.d/docker": ""}
            ),
            "apt-get install -y --no-install-recommends qemu": install(files={FORMAT: ":qemu-aarch64:"}),
            "apt-get install -y --no-install-recommends mmdebstrap": install(
                "mmdebstrap", files={"/usr/share/keyrings/debian-archive-keyring.gpg": ""}
            ),
            "apt-get install -y --no-install-recommends chromium": install("chromium"),
            "service docker start": wake(after=3.0),
            "systemctl start docker": wake(after=1.0),
            "dockerd >": wake(after=10.0),
            "mount -t binfmt_misc": install(files={f"{BINFMT}/register": ""}),
            "sh -c 'cat /usr/lib/binfmt.d": install(files={f"{BINFMT}/qemu-aarch64": REGISTERED}),
        },
    )


def wake(after: float) -> Effect:
    """The effect of a daemon that answers ``after`` seconds of waiting."""

    def effect(machine: ScriptedMachine) -> None:
        machine.wakes_after = machine.waited + after

    return effect


def fail(*lines: str, code: int = 100) -> Effect:
    """The effect of a command that fails, saying ``lines``."""

    def effect(_: ScriptedMachine) -> Result:
        return Result(code, lines)

    return effect


def nothing(_: ScriptedMachine) -> None:
    """The effect of a command that succeeds and changes nothing."""
