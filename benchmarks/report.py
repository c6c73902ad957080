"""From runs to ratios: medians over the rounds with how far they spread, as a table and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from agentcore_lab import __version__
from benchmarks.load import Measured, Workload

PAIRS = (("engine", "direct"), ("nginx", "direct"), ("engine", "nginx"))


@dataclass(frozen=True, slots=True)
class Run:
    """One workload on one way in one round; ``relay_cpu`` is what the process between took, in seconds."""

    round: int
    workload: Workload
    way: str
    measured: Measured
    relay_cpu: float

    @property
    def key(self) -> tuple[str, int]:
        """What is comparable: the workload and how many ask at a time."""
        return self.workload.name, self.workload.connections

    def as_json(self) -> dict[str, Any]:
        """What was measured; times in seconds."""
        return {
            "round": self.round,
            "workload": self.workload.name,
            "connections": self.workload.connections,
            "way": self.way,
            "requests": self.measured.requests,
            "requestsPerSecond": self.measured.rate,
            "medianSeconds": statistics.median(self.measured.latencies),
            "medianFirstByteSeconds": statistics.median(self.measured.first_bytes),
            "relayCpuPerRequest": self.relay_cpu / self.measured.requests,
            "generatorCpuPerRequest": self.measured.cpu / self.measured.requests,
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """A median of the rounds between the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some values."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}–{self.most:.2f})"


def ratios(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each workload: rates and times to the first byte of one way against another's, round by round."""
    rows = []
    for name, connections in dict.fromkeys(run.key for run in runs):
        mine = [run for run in runs if run.key == (name, connections)]
        row: dict[str, Any] = {"workload": name, "connections": connections}
        for one, other in PAIRS:
            pairs = _paired(mine, one, other)
            if pairs:
                row[f"{one}/{other}"] = Spread.of([a.measured.rate / b.measured.rate for a, b in pairs])
                row[f"first byte {one}/{other}"] = Spread.of(
                    [
                        statistics.median(a.measured.first_bytes) / statistics.median(b.measured.first_bytes)
                        for a, b in pairs
                    ]
                )
        for way in dict.fromkeys(run.way for run in mine):
            own = [run for run in mine if run.way == way]
            requests = sum(run.measured.requests for run in own)
            row[f"{way} per second"] = statistics.median(run.measured.rate for run in own)
            row[f"{way} relay cpu"] = sum(run.relay_cpu for run in own) / requests
            row[f"{way} generator cpu"] = sum(run.measured.cpu for run in own) / requests
        rows.append(row)
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def table(runs: Sequence[Run]) -> str:
    """The same in Markdown. Of rates, requests a second, more is better; of times to the first byte, less."""
    head = (
        *("workload", "at a time", "rate engine/direct", "nginx/direct", "engine/nginx"),
        *("first byte engine/direct", "engine/nginx", "CPU engine", "CPU nginx", "CPU generator"),
    )
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for row in ratios(runs):
        cells = (
            row["workload"],
            str(row["connections"]),
            *(_shown(row.get(f"{one}/{other}")) for one, other in PAIRS),
            _shown(row.get("first byte engine/direct")),
            _shown(row.get("first byte engine/nginx")),
            *(_micro(row.get(f"{way} relay cpu")) for way in ("engine", "nginx")),
            _micro(row["direct generator cpu"]),
        )
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def facts(sandbox: str, nginx: str | None, rounds: int, seconds: float) -> dict[str, Any]:
    """The machine, the date and the versions."""
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "sandbox": sandbox,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "aiohttp": aiohttp.__version__,
        "agentcore-lab": __version__,
        "nginx": nginx or "not to be had",
        "rounds": rounds,
        "seconds": seconds,
    }
    return {**found, "summary": " · ".join(f"{name} {value}" for name, value in found.items())}


def _paired(runs: Sequence[Run], one: str, other: str) -> list[tuple[Run, Run]]:
    others = {run.round: run for run in runs if run.way == other}
    return [(run, others[run.round]) for run in runs if run.way == one and run.round in others]


def _plain(value: Any) -> Any:
    if isinstance(value, Spread):
        return {"median": value.median, "least": value.least, "most": value.most}
    return value


def _shown(value: dict[str, float] | None) -> str:
    return str(Spread(**value)) if value else "–"


def _micro(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms"


def _processor() -> str:
    """The processor's name, where it can be told."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if cpuinfo.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()
