"""Run pytest on all that this machine can run, and end by naming what it could not.

Arguments are handed on to pytest, ``-m`` left to this module: where no engine runs ARM64 containers the tests
marked ``docker`` are deselected, where no browser can be driven those marked ``browser``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

MARKED = {
    "docker": "docker (no container engine runs ARM64 here)",
    "browser": "browser (no Chromium that Playwright can drive)",
}


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


def selection(works: dict[str, bool], *, long: bool) -> tuple[str, list[str]]:
    """The ``-m`` expression for what ``works``, and the names of what it leaves out for lack of means."""
    lacking = [marker for marker in MARKED if not works[marker]]
    left_out = lacking if long else [*lacking, "long"]
    return " and ".join(f"not {marker}" for marker in left_out), lacking


def main(arguments: list[str]) -> int:
    """Run pytest; the exit code is pytest's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="run the slow tests too")
    parser.add_argument("--sandbox", help="as agentcore-lab doctor takes it")
    options, handed_on = parser.parse_known_args(arguments)
    expression, lacking = selection(doctors_report(options.sandbox)["works"], long=options.long)
    command = [sys.executable, "-m", "pytest", *(["-m", expression] if expression else []), *handed_on]
    code = subprocess.run(command, check=False).returncode
    if lacking:
        sys.stdout.write(
            f"Could not run here: tests marked {', '.join(MARKED[marker] for marker in lacking)}.\n"
        )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
