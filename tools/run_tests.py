"""Run pytest on all that this machine can run, and end by naming what it could not.

Arguments are handed on to pytest, ``-m`` left to this module: where no engine runs ARM64 containers the tests
marked ``docker`` are deselected, where no browser can be driven those marked ``browser``.

There are lanes, side by side: tests on containers wait for emulated processors and those with pages for browsers and
kernels most of their time, and the others use the processors meanwhile. Each lane's lines carry its name.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MARKED = {
    "docker": "docker (no container engine runs ARM64 here)",
    "browser": "browser (no Chromium that Playwright can drive)",
}
NOTHING_SELECTED = 5
"""pytest's exit code when no test was selected."""


def doctors_report(sandbox: str | None) -> dict[str, Any]:
    """What works on this machine, as ``agentcore-lab doctor --for test --json`` tells it."""
    program = "from agentcore_lab.cli import main; main()"
    options = ["--for", "test", "--json", *(["--sandbox", sandbox] if sandbox else [])]
    command = [sys.executable, "-c", program, "doctor", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit(done.stderr or "agentcore-lab doctor said nothing")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def lanes(works: Mapping[str, bool], *, long: bool) -> dict[str, str]:
    """The ``-m`` expression of each lane, by its name."""
    left_out = ([] if works["browser"] else ["not browser"]) + ([] if long else ["not long"])
    parts = {
        "containers": ["docker"] if works["docker"] else [],
        "pages": ["(browser or notebook)", "not docker"],
        "others": ["not browser", "not notebook", "not docker"],
    }
    return {name: " and ".join(part + left_out) for name, part in parts.items() if part}


def run_lane(name: str, expression: str, arguments: list[str]) -> int:
    """Run one lane's tests, each line of its output told with its name; pytest's exit code."""
    cache = ["-o", f"cache_dir=.pytest_cache/{name}"]
    command = [sys.executable, "-m", "pytest", "-m", expression, *cache, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            sys.stdout.write(f"{name:>10} | {line}")
            sys.stdout.flush()
    return running.returncode


def verdict(codes: list[int]) -> int:
    """One exit code of several lanes': a lane without a test is no failure while another has some."""
    ran = [code for code in codes if code != NOTHING_SELECTED]
    return max(ran, default=NOTHING_SELECTED)


def main(arguments: list[str]) -> int:
    """Run pytest; the exit code is pytest's, the worst of the lanes'."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="run the slow tests too")
    parser.add_argument("--sandbox", help="as agentcore-lab doctor takes it")
    options, handed_on = parser.parse_known_args(arguments)
    works = doctors_report(options.sandbox)["works"]
    chosen = lanes(works, long=options.long)
    with ThreadPoolExecutor(len(chosen)) as side_by_side:
        running = [
            side_by_side.submit(run_lane, name, expression, handed_on) for name, expression in chosen.items()
        ]
        code = verdict([lane.result() for lane in running])
    lacking = [marker for marker in MARKED if not works[marker]]
    if lacking:
        sys.stdout.write(
            f"Could not run here: tests marked {', '.join(MARKED[marker] for marker in lacking)}.\n"
        )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
