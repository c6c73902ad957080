"""A buildspec, read: what each phase says, builds, names and pushes (AWS: Build specification reference)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal, cast

import yaml

from agentcore_lab.codebuild.docker_words import DockerAction, ImageBuild, docker_action
from agentcore_lab.codebuild.shell import NotUnderstood, Simple, assignment, expanded, simple_commands

PhaseName = Literal["install", "pre_build", "build", "post_build"]
PHASES: Final[tuple[PhaseName, ...]] = ("install", "pre_build", "build", "post_build")

_LOOKS = frozenset(
    {"ls", "pwd", "env", "date", "printenv", "whoami", "uname", "cat", "true", ":", "wait", "sleep"}
)
"""Commands that look around or wait: without effect on an image."""

_SETS = frozenset({"set", "export"})
_READ = "docker build, tag and push are read and done by the kit's builder, nothing is run"


class BadBuildspec(Exception):  # noqa: N818 - a state, named as one
    """The buildspec cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Do:
    """A docker command to be done; ``written`` is how it is written, ``folder`` where in the source."""

    action: DockerAction
    written: str
    folder: str


@dataclass(frozen=True, slots=True)
class PassOver:
    """A command without effect here."""

    written: str


Move = Say | Do | PassOver


def read_buildspec(text: str, variables: Mapping[str, str]) -> dict[PhaseName, list[Move]]:
    """What each phase does, in order; ``variables`` are the build's own.

    Raises:
        BadBuildspec: it is no buildspec, or has a command that is not understood.
    """
    phases = _phases(text)
    spec_variables = phases.pop("env", {})
    reader = _Reader({**variables, **spec_variables})
    return {name: list(reader.moves(name, phases.get(name, []))) for name in PHASES}


def _phases(text: str) -> dict[str, Any]:
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadBuildspec(f"The buildspec is not YAML: {error}") from None
    if not isinstance(spec, dict) or str(spec.get("version")) not in {"0.1", "0.2"}:
        raise BadBuildspec("The buildspec has no version 0.1 or 0.2.")
    env = spec.get("env") or {}
    if kinds := sorted(set(env) - {"variables", "shell", "exported-variables"}):
        raise BadBuildspec(f"The buildspec's env has {', '.join(kinds)}: here only variables can be had.")
    found: dict[str, Any] = {
        "env": {name: str(value) for name, value in (env.get("variables") or {}).items()}
    }
    for name, phase in (spec.get("phases") or {}).items():
        if name not in PHASES:
            raise BadBuildspec(f"The buildspec has an unknown phase {name!r}.")
        commands = [*(phase or {}).get("commands", []), *(phase or {}).get("finally", [])]
        if not all(isinstance(command, str) for command in commands):
            raise BadBuildspec(f"Phase {name}: each command has to be a text; quote those with a colon.")
        found[name] = commands
    return found


class _Reader:
    """Follows commands through variables and folders."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = {"?": "0", **variables}
        self._folder = PurePosixPath()

    def moves(self, phase: str, commands: list[str]) -> Iterator[Move]:
        for command in commands:
            try:
                for simple in simple_commands(command):
                    yield from self._move(simple)
            except NotUnderstood as error:
                raise BadBuildspec(f"Phase {phase}: {error}. Of a buildspec, {_READ}.") from None

    def _move(self, simple: Simple) -> Iterator[Move]:
        words = list(simple.words)
        while words and (found := assignment(words[0])):
            self._set(*found)
            words.pop(0)
        if not words:
            return
        words = [expanded(word, self._variables) for word in words]
        program = words[0]
        if program in {"echo", "printf"} and not any(word.startswith((">", "<")) for word in words):
            yield Say(" ".join(word for word in words[1:] if word not in {"-e", "-n"}))
        elif program == "cd" and len(words) == 2:
            self._folder = self._folder / words[1]
        elif program in _SETS:
            for word in words[1:]:
                if found := assignment(word):
                    self._set(*found)
        elif program in {"docker", "finch", "podman"}:
            yield self._docker(words, str(simple))
        elif _without_effect(words):
            yield PassOver(str(simple))
        else:
            raise NotUnderstood(f"`{simple}` is not understood")

    def _docker(self, words: list[str], written: str) -> Move:
        try:
            action = docker_action(words)
        except NotUnderstood as error:
            raise NotUnderstood(f"`{written}` is not understood: {error}") from None
        if action is None:
            return PassOver(written)
        if isinstance(action, ImageBuild) and not action.names:
            raise NotUnderstood(f"`{written}`: the image needs a name (-t)")
        return Do(action, written, str(self._folder))

    def _set(self, name: str, value: str) -> None:
        if "$(" in value or "`" in value:
            raise NotUnderstood(f"`{name}={value}`: what a command prints is not known")
        self._variables[name] = expanded(value, cast("Mapping[str, str]", self._variables))


def _without_effect(words: list[str]) -> bool:
    if words[0] in _LOOKS or words == ["exit", "0"]:
        return not any(word.startswith(">") for word in words)
    if words[0] == "aws":
        return "get-login-password" in words or "get-caller-identity" in words or words[1:] == ["--version"]
    return len(words) == 2 and words[1] in {"--version", "version", "-v"}
