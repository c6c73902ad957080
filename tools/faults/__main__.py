"""Plant each fault in a copy of the project and run the tests and labs that should notice: python -m tools.faults.

First they run on a copy without a fault, where they have to pass. Exits 0 when every fault was noticed by a test and,
where a lab shows the promise to a reader, by each of these labs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tools.faults.planted import FAULTS
from tools.faults.trial import Noticed, try_fault, try_none

_HEAD = (
    "| fault: no longer true that … | the test that noticed first | the cell of a lab that noticed |\n"
    "|---|---|---|\n"
)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="some of the faults; without, all")
    parser.add_argument("--no-labs", action="store_true", help="run the tests only")
    parser.add_argument("--no-control", action="store_true", help="do not try a copy without a fault first")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - {fault.name for fault in FAULTS}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    chosen = [fault for fault in FAULTS if not options.names or fault.name in options.names]
    labs = not options.no_labs
    if not options.no_control and (alarm := try_none(chosen, labs=labs)).by_any:
        sys.exit(f"Without any fault: {_tests(alarm)} {_cells(alarm)}")
    sys.stdout.write(_HEAD)
    uncaught = 0
    for fault in chosen:
        noticed = try_fault(fault, labs=labs)
        uncaught += not noticed.by_all
        sys.stdout.write(f"| `{fault.name}`: {fault.broken} | {_tests(noticed)} | {_cells(noticed)} |\n")
        sys.stdout.flush()
    sys.stderr.write(f"{len(chosen)} faults, {uncaught} of them not noticed by everything that should\n")
    return 1 if uncaught else 0


def _tests(noticed: Noticed) -> str:
    return f"`{noticed.test}`" if noticed.test else "**none**"


def _cells(noticed: Noticed) -> str:
    return ", ".join(f"{lab}: {cell or '**none**'}" for lab, cell in noticed.labs.items()) or "–"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
