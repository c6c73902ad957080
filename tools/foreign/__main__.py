"""Run another project's tests against the engine: ``python -m tools.foreign moto CHECKOUT`` (or ``sdk``).

Exits 0 when every test passed or failed as ``disagreements.py`` says it must. docs/foreign-suites.md tells more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.foreign import moto_suite, sdk_suite
from tools.foreign.disagreements import MOTO, SDK, Disagreement
from tools.foreign.verdict import Outcomes

_PYTEST = (
    *("-q", "--no-header", "--tb=short", "--import-mode=importlib", "--continue-on-collection-errors"),
    # Neither the checkout's settings nor ours apply: the plug-ins and options they name may not be installed.
    *("-c", "/dev/null", "--noconftest", "-p", "no:cacheprovider", "-p", "no:asyncio"),
)


@dataclass(frozen=True, slots=True)
class Suite:
    """Which of a checkout's tests talk to the service, how they reach an engine, and where they are known to err.

    ``plugin`` is a context around the run; it yields what pytest is to load as a plugin.
    """

    tests: Sequence[str]
    paths: Sequence[str]
    plugin: Callable[[str], AbstractContextManager[Any]]
    known: Mapping[str, Disagreement]


SUITES = {
    "moto": Suite(moto_suite.TESTS, (".",), moto_suite.plugin, MOTO),
    "sdk": Suite(sdk_suite.TESTS, (".", "src"), sdk_suite.plugin, SDK),
}


def run(suite: Suite, checkout: Path, sandbox: str, extra: Sequence[str]) -> int:
    """Run the suite and print what came of it; 0 when nothing was unexpected."""
    outcomes = Outcomes()
    paths = " ".join(str(checkout / path) for path in suite.paths)
    options = [*_PYTEST, "--rootdir", str(checkout), "-o", f"pythonpath={paths}"]
    with suite.plugin(sandbox) as plugin:
        tests = [str(checkout / test) for test in suite.tests]
        code = pytest.main([*options, *extra, *tests], [plugin, outcomes])
    if not outcomes.reports:
        sys.stdout.write(f"No test ran (pytest ended with {code}).\n")
        return 1
    sys.stdout.write(outcomes.summary(suite.known))
    return 1 if outcomes.unexpected(suite.known) else 0


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.foreign", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("checkout", type=Path, help="the root of a checkout of the other project")
    parser.add_argument("--sandbox", default="process", help="for sdk: docker or process")
    options, extra = parser.parse_known_args(arguments)
    return run(SUITES[options.suite], options.checkout.resolve(), options.sandbox, extra)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
