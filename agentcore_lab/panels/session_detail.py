"""All that is known of one session, readable in a notebook and on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, get_args

from agentcore_lab.looks.card import card, facts, folded, text
from agentcore_lab.panels.views import SessionState, architecture_name, short_duration
from agentcore_lab.waiting import wait_for

_MIB = 1024 * 1024
_MB = 1_000_000
_SHOWN_PINGS = 8


@dataclass(frozen=True, slots=True, repr=False)
class SessionDetail:
    """One session as the engine told it at ``as_of``, a moment of the engine's own clock.

    ``facts`` is the engine's JSON of ``/_lab/sessions/{id}``. ``look`` asks for it again.
    """

    session_id: str
    state: str
    as_of: datetime
    diagnostics: tuple[str, ...]
    log_tail: tuple[str, ...]
    facts: Mapping[str, Any]
    look: Callable[[], Mapping[str, Any]] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any], look: Callable[[], Mapping[str, Any]] | None = None) -> Self:
        """The detail in the engine's answer; ``look`` gives the answer of a later moment."""
        facts = answer["session"]
        return cls(
            session_id=facts["sessionId"],
            state=facts["state"],
            as_of=datetime.fromisoformat(answer["asOf"]),
            diagnostics=tuple(facts["diagnostics"]),
            log_tail=tuple(facts["logTail"]),
            facts=facts,
            look=look,
        )

    @property
    def version(self) -> str:
        """The version it runs, from its start to its end."""
        return str(self.facts["agentRuntimeVersion"])

    @property
    def health(self) -> str | None:
        """What its latest health check said: ``Healthy``, ``HealthyBusy``, ``Unhealthy``; None before the first."""
        return self._word("health")

    @property
    def reason(self) -> str | None:
        """Why it has ended, in a word or two; None while it lives."""
        return self._word("reason")

    @property
    def detail(self) -> str | None:
        """Why it has ended, in a sentence; None while it lives."""
        return self._word("detail")

    def _word(self, name: str) -> str | None:
        word: str | None = self.facts[name]
        return word

    def wait(self, *states: SessionState, timeout: float = 60.0) -> Self:
        """The session once it is in one of ``states``; ``timeout`` is in seconds of the machine's clock.

        Raises:
            NotSettled: it was in none of them by then.
            ValueError: there is no such state.
        """
        if unknown := set(states) - set(get_args(SessionState)):
            raise ValueError(
                f"{', '.join(sorted(unknown))}: a session is {', '.join(get_args(SessionState))}"
            )
        look = self.look
        assert look is not None, "whoever asked the engine can ask again"
        return wait_for(
            lambda: type(self).of(look(), look),
            lambda seen: seen.state in states,
            timeout,
            lambda seen: f"The session was still {seen.state} after {timeout:g} s. Wait for it again.",
        )

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each fact, in the order a person asks for them."""
        facts = self.facts
        version = f"{facts['agentRuntimeVersion']}, started through endpoint {facts['endpoint']}"
        rows = [
            ("State", self._state()),
            ("Runtime", facts["agentRuntimeArn"]),
            ("Version", version),
            ("Sandbox", f"{facts['sandbox']} · {architecture_name(facts['architecture'])}"),
            ("Age", short_duration(facts["ageSeconds"])),
        ]
        if facts["usage"]:
            rows.append(("Used", used(facts["usage"])))
        rows += [("Storage", stored(each)) for each in facts["storage"]]
        if facts["pings"]:
            rows.append(("Health", self._health()))
        return rows

    def _state(self) -> str:
        facts = self.facts
        if facts["reason"]:
            return f"{self.state} ({facts['reason']}): {facts['detail']}"
        left = short_duration((datetime.fromisoformat(facts["endsAt"]) - self.as_of).total_seconds())
        if self.state == "Idle" and facts["endsBecause"] == "idle":
            return f"Idle · ends in {left} unless invoked"
        calls = f" · {facts['inFlight']} calls" if facts["inFlight"] else ""
        return f"{self.state}{calls} · ends in {left} at the latest"

    def _health(self) -> str:
        last = self.facts["pings"][-_SHOWN_PINGS:]
        times = " ".join(f"{ping['milliseconds']}" for ping in last)
        problem = f" · {last[-1]['problem']}" if last[-1]["problem"] else ""
        return f"{last[-1]['status']}{problem} · /ping took {times} ms"

    def __repr__(self) -> str:
        # Neither id nor figures: an executed notebook compares equal to the next run. str() tells everything.
        state = f"{self.state}: {self.facts['reason']}" if self.facts["reason"] else self.state
        return f"Session({state}, version {self.facts['agentRuntimeVersion']}, {self.facts['endpoint']})"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"Session {self.session_id}"
        yield from (f"  {name:<8} {value}" for name, value in self.rows())
        yield from (f"  ⚠ {sentence}" for sentence in self.diagnostics)
        if self.log_tail:
            yield "  Log"
            yield from (f"    {line}" for line in self.log_tail)

    def _repr_html_(self) -> str:
        traps = [text(f"⚠ {sentence}") for sentence in self.diagnostics]
        log = [folded("Log", "\n".join(self.log_tail))] if self.log_tail else []
        return card("Session", self.session_id, facts(self.rows()), *traps, *log, state=self.state)


def stored(storage: Mapping[str, Any]) -> str:
    """What a session has stored at a mount path, and until when, in words."""
    held = storage["bytes"]
    size = "size unknown" if held is None else f"{held / _MB:,.1f} of {storage['limitBytes'] / _MB:,.0f} MB"
    until = datetime.fromisoformat(storage["keptUntil"])
    return f"{storage['mountPath']} · {size} · kept until {until:%Y-%m-%d %H:%M} if not used"


def used(usage: Mapping[str, Any] | None) -> str:
    """Processor time and memory in words; empty where nobody can tell."""
    if usage is None:
        return ""
    limit = f" of {usage['memoryLimitBytes'] / _MIB:,.0f}" if usage["memoryLimitBytes"] else ""
    return f"{usage['cpuSeconds']:.1f} s CPU · {usage['memoryBytes'] / _MIB:,.0f}{limit} MiB"
