"""An agent's answer and what is known about how it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.looks.card import card, facts, folded, text, verbatim
from agentcore_lab.panels.views import architecture_name

# What goes to the browser and into a saved notebook; ``Answer.text`` holds all of it.
SHOWN_CHARACTERS = 20_000
_TELLING_MEMBERS = ("result", "message", "answer", "response", "output", "text")


@dataclass(frozen=True, slots=True)
class Figures:
    """Where the time of one invocation went, in milliseconds; None where nobody measured.

    ``sandbox_start`` and ``agent`` are the engine's (headers ``x-agentcore-lab-…-ms``): a sandbox that was warm
    took 0. ``first_byte`` and ``total`` are this process's, from the call until the answer's bytes were here.
    """

    sandbox_start: float | None = None
    agent: float | None = None
    first_byte: float | None = None
    total: float | None = None

    @property
    def engine(self) -> float | None:
        """What of ``first_byte`` was neither the sandbox's start nor the agent: boto3, the wire, the engine."""
        if self.first_byte is None or self.agent is None:
            return None
        return max(0.0, self.first_byte - self.agent - (self.sandbox_start or 0.0))

    def words(self) -> str:
        """The figures that are known, in the order in which the time went."""
        names = (
            ("engine", self.engine),
            ("sandbox start", self.sandbox_start),
            ("agent", self.agent),
            ("first byte", self.first_byte),
            ("total", self.total),
        )
        return " · ".join(f"{name} {value:,.0f} ms" for name, value in names if value is not None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    ``code`` and ``words`` are AWS's; ``cause`` and ``mend`` are one sentence each; ``log`` is the end of what
    the agent printed, where the engine sent it.
    """

    code: str
    words: str
    cause: str
    mend: str
    status: int | None = None
    log: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """The failure as the browser receives it."""
        return {
            "code": self.code,
            "words": self.words[:SHOWN_CHARACTERS],
            "cause": self.cause,
            "mend": self.mend,
            "status": self.status,
            "log": "\n".join(self.log)[-SHOWN_CHARACTERS:],
        }


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back from one invocation.

    ``text`` is the body as it came, or a stream's events one a line. ``value`` is the parsed JSON of a JSON
    body, or the list of a stream's events; None where the body is neither. ``failure`` is set where the
    invocation failed; nothing is raised for it.
    """

    session_id: str
    text: str = ""
    value: Any = None
    content_type: str = ""
    streamed: bool = False
    figures: Figures = field(default_factory=Figures)
    architecture: str | None = None
    version: str | None = None
    sandbox: str | None = None
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether the agent answered."""
        return self.failure is None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        if self.failure:
            return f"Answer({self.failure.code}: {self.failure.cause})"
        return f"Answer({self.gist()})"

    def _repr_html_(self) -> str:
        where = (
            ("Session", self.session_id),
            ("Version", self.version),
            ("Ran on", " · ".join(filter(None, (architecture_name(self.architecture), self.sandbox)))),
            ("Time", self.figures.words()),
        )
        rows = facts((name, value) for name, value in where if value)
        if self.failure:
            log = [folded("Log", "\n".join(self.failure.log), open_=True)] if self.failure.log else []
            sentences = text(f"{self.failure.cause} {self.failure.mend}")
            words = verbatim(f"{self.failure.code}: {self.failure.words}"[:SHOWN_CHARACTERS])
            return card("Answer", "none", sentences, words, *log, rows, state="Failed")
        body, _kind = _pretty(self)
        return card("Answer", "", verbatim(body[:SHOWN_CHARACTERS]), rows)

    def gist(self) -> str:
        """The answer in at most 48 characters, without what differs from run to run such as ids."""
        if self.failure:
            return self.failure.code
        words = " ".join(_telling(self.value, self.text).split())
        return words if len(words) <= 48 else words[:47].rstrip() + "…"

    def shown(self) -> dict[str, Any]:
        """The answer as the browser receives it."""
        body, kind = _pretty(self)
        return {
            "kind": kind,
            "body": body[:SHOWN_CHARACTERS],
            "left_out": max(0, len(body) - SHOWN_CHARACTERS),
            "gist": self.gist(),
            "content_type": self.content_type,
            "engine": self.figures.engine,
            "sandbox_start": self.figures.sandbox_start,
            "agent": self.figures.agent,
            "first_byte": self.figures.first_byte,
            "total": self.figures.total,
            "architecture": architecture_name(self.architecture),
            "version": self.version,
            "sandbox": self.sandbox,
            "failure": self.failure and self.failure.shown(),
        }


def _pretty(answer: Answer) -> tuple[str, str]:
    if answer.streamed:
        return answer.text, "stream"
    if isinstance(answer.value, str):
        return answer.value, "text"
    if isinstance(answer.value, Mapping | list):
        return json.dumps(answer.value, indent=2, ensure_ascii=False), "json"
    return answer.text, "text"


def _telling(value: Any, text: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        told = (value[name] for name in _TELLING_MEMBERS if isinstance(value.get(name), str))
        return next(told, f"JSON object with {', '.join(value)}" if value else "empty JSON object")
    return text or "empty"
