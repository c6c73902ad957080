"""The trace of the call at hand: handlers mark how far it has come; without a follower marks cost a look-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.clock import stopwatch
from agentcore_lab.runtime.session import Session


@dataclass(slots=True)
class Trace:
    """One call; seconds of a stopwatch, None for what it did not come to.

    ``parsed``: its request was read, ``authorized``: the caller may, ``admitted``: it was begun, ``head``: the answer
    began, ``first_byte``: of the answer's body. ``start`` and ``agent`` are milliseconds of their own. ``opened`` is
    called when an answer begins that stays ``open``, maybe for long.
    """

    opened: Callable[[], None]
    began: float = field(default_factory=stopwatch)
    parsed: float | None = None
    authorized: float | None = None
    admitted: float | None = None
    leased: float | None = None
    head: float | None = None
    first_byte: float | None = None
    start: float | None = None
    agent: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    open: bool = False

    def told(self, ended: float | None) -> dict[str, Any]:
        """What the event stream says of it; ``ended`` is None while it lasts."""

        def since(moment: float | None) -> float | None:
            return None if moment is None else round((moment - self.began) * 1000, 3)

        return {
            "agentRuntimeArn": self.asked.get("agentRuntimeArn"),
            "sessionId": self.members.get("runtimeSessionId") or self.asked.get("runtimeSessionId"),
            "endpoint": self.asked.get("qualifier") or "DEFAULT",
            "agentRuntimeVersion": self.version,
            "contentType": self.members.get("contentType"),
            "parsedMs": since(self.parsed),
            "authorizedMs": since(self.authorized),
            "admittedMs": since(self.admitted),
            "sandboxStartMs": self.start,
            "agentMs": self.agent,
            "headMs": since(self.head),
            "firstByteMs": since(self.first_byte or self.head),
            "lastByteMs": since(ended),
        }


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Marks of this task go into ``trace`` until the end of the block."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Trace | None:
    """The trace at hand, where anybody follows."""
    return _current.get()


def parsed(params: Mapping[str, Any]) -> None:
    """The request says ``params``; whether the caller may is looked at next."""
    if trace := _current.get():
        trace.parsed, trace.asked = stopwatch(), params


def authorized() -> None:
    """The caller may."""
    if trace := _current.get():
        trace.authorized = stopwatch()


def leased(session: Session, started_in: float | None = None) -> None:
    """The call has its session, whose agent is asked next; ``started_in`` is in seconds, None for a warm one."""
    if trace := _current.get():
        trace.leased = stopwatch()
        trace.start = None if started_in is None else round(started_in * 1000, 3)
        trace.version = str(session.version)
        trace.members = {"runtimeSessionId": session.session_id}


def answered(*, stays_open: bool = False) -> None:
    """The answer begins; one that ``stays_open`` is told of at once."""
    if trace := _current.get():
        trace.head = stopwatch()
        if trace.leased is not None:
            trace.agent = round((trace.head - trace.leased) * 1000, 3)
        if stays_open:
            trace.open = True
            trace.opened()


def came() -> None:
    """A piece of the answer's body has come."""
    if (trace := _current.get()) and trace.first_byte is None:
        trace.first_byte = stopwatch()
