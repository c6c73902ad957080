"""How large a run of the model became, and what happened in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """``peak_living`` and ``peak_runtimes`` are the most there were at one moment at which all was compared.

    ``failure`` is what went wrong first.
    """

    did: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    comparisons: int = 0
    calls: int = 0
    sessions: int = 0
    runtimes: int = 0
    peak_living: int = 0
    peak_runtimes: int = 0
    failure: str = ""

    def compared(self, living: int, runtimes: int) -> None:
        """The engine and the model agreed on so many."""
        self.comparisons += 1
        self.peak_living = max(self.peak_living, living)
        self.peak_runtimes = max(self.peak_runtimes, runtimes)

    def __str__(self) -> str:
        lines = [
            f"at most {self.peak_living} living sessions on {self.peak_runtimes} runtimes at once; in all "
            f"{self.sessions} sessions on {self.runtimes} runtimes, {self.calls} calls",
            f"compared after {self.comparisons} steps: {_counts(self.did)}",
            f"sessions ended: {_counts(self.endings)}",
            f"refused as expected: {_counts(self.refusals)}",
        ]
        return "\n".join(lines)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counter.most_common()) or "none"
