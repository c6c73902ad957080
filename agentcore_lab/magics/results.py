"""What magics give back besides what the kit has anyway."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agentcore_lab.looks.card import card, verbatim
from agentcore_lab.panels.answer import Answer
from agentcore_lab.plain_error import PlainError


class InvocationFailed(PlainError):  # noqa: N818 - a state, named as one
    """The agent did not answer; ``answer`` is what is known."""

    def __init__(self, answer: Answer) -> None:
        failure = answer.failure
        assert failure is not None
        log = [line for each in failure.log for line in readable(each)]
        sentences = f"{failure.cause} {failure.mend} ({failure.code}: {failure.words})"
        super().__init__("\n  ".join([sentences, *log]))
        self.answer = answer


@dataclass(frozen=True, slots=True, repr=False)
class LogTail:
    """The end of what a session's agent has printed, in ``lines`` as it came."""

    session_id: str
    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            "\n".join(line for each in self.lines for line in readable(each))
            or "The agent has printed nothing."
        )

    def _repr_html_(self) -> str:
        return card("Log", self.session_id, verbatim(repr(self)))


def readable(line: str) -> list[str]:
    """A line of a log for people: the SDK writes JSON, with the whole stack of its own server in one line."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(entry, dict) or not {"level", "message"} <= entry.keys():
        return [line]
    frames = [
        text
        for frame in entry.get("stackTrace") or ()
        if isinstance(frame, str) and "site-packages" not in frame
        for text in frame.rstrip().splitlines()
    ]
    return [f"{entry['level']} {entry['message']}", *frames]
