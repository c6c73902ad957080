"""The engine's relay beside nginx and beside no relay at all: ``python -m benchmarks.relay``.

Every round asks the same sandbox directly, through nginx and through the engine, one right after the other, so that
whatever else the machine does hits all of them alike. What is compared are the ratios of a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentcore_lab.sandbox.docker_probe import docker_unavailable
from benchmarks.load import Workload, measure
from benchmarks.report import Run, facts, ratios, table
from benchmarks.responder.agent import EVENTS, LARGE
from benchmarks.ways import Stage, stage

PROMPT = b'{"prompt": "How is the weather in Seattle?"}'
CONCURRENCY = (1, 8, 32)
_AN_EVENT = len(b'data: {"event": 0}\n\n')
_WARM_UP_SECONDS = 0.3


def workloads(seconds: float) -> list[Workload]:
    """What is measured, each for so many seconds."""
    return [
        *(Workload("invoke", "application/json", PROMPT, among, seconds, 2) for among in CONCURRENCY),
        *(
            Workload("events", "text/event-stream", PROMPT, among, seconds, EVENTS * _AN_EVENT)
            for among in CONCURRENCY
        ),
        Workload("100 MB to the agent", "application/json", bytes(LARGE), 1, 0, 2),
        Workload("100 MB from the agent", "application/octet-stream", PROMPT, 1, 0, LARGE),
    ]


def rounds(prepared: Stage, number: int, seconds: float) -> Iterator[Run]:
    """Every workload on every way, so many times; each round begins with another way."""
    for way in prepared.ways:
        for kind in workloads(_WARM_UP_SECONDS):
            asyncio.run(measure(way.target, kind))
    for turn in range(number):
        for kind in workloads(seconds):
            first = turn % len(prepared.ways)
            for way in (*prepared.ways[first:], *prepared.ways[:first]):
                before = way.cpu_seconds()
                measured = asyncio.run(measure(way.target, kind))
                yield Run(turn, kind, way.name, measured, way.cpu_seconds() - before)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 0 if all could be compared that was to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each workload on each way in a round")
    parser.add_argument("--sandbox", choices=["process", "docker"], action="append", help="default: both")
    parser.add_argument(
        "--output", type=Path, default=Path("build/relay.json"), help="where all figures are written"
    )
    options = parser.parse_args(arguments)
    written, lacking = [], []
    sandboxes = options.sandbox or ["process", "docker"]
    if "docker" in sandboxes and (why := docker_unavailable()):
        lacking.append(why)
        sandboxes.remove("docker")
        print(f"Without Docker: {why}", file=sys.stderr)
    for sandbox in sandboxes:
        with stage(sandbox) as prepared:
            about = facts(sandbox, prepared.nginx_version, options.rounds, options.seconds)
            if prepared.lacking:
                lacking.append(prepared.lacking)
                print(f"Without nginx: {prepared.lacking}", file=sys.stderr)
            runs = list(rounds(prepared, options.rounds, options.seconds))
        print(f"\n{about['summary']}\n\n{table(runs)}")
        written.append({"about": about, "ratios": ratios(runs), "runs": [run.as_json() for run in runs]})
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(written, indent=1))
    if written:
        print(f"\nAll figures: {options.output}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
