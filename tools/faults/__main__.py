"""Plant each fault in a copy of the project and run the tests and labs that should notice: python -m tools.faults.

Exits 0 when every fault was noticed by a test and, where a lab shows the promise to a reader, by each of these labs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.faults.planted import FAULTS, Fault

ROOT = Path(__file__).parents[2]
_COPIED = (
    "agentcore_lab",
    "containers",
    "notebooks",
    "tests",
    "tools",
    "docs",
    "pyproject.toml",
    "README.md",
)
_PYTEST = ("-m", "pytest", "-x", "-q", "--color=no", "--no-header", "--tb=line", "-p", "no:cacheprovider")
_FAST = ("-m", "not docker and not browser and not long and not notebook")


class Misfit(Exception):  # noqa: N818 - a state, named as one
    """The code has changed, and the fault no longer fits it."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What noticed a fault, or None for each that did not."""

    test: str | None
    labs: dict[str, str | None]

    @property
    def by_all(self) -> bool:
        """Whether everything that should have noticed did."""
        return self.test is not None and None not in self.labs.values()


def plant(fault: Fault, package: Path) -> None:
    """Change the code in ``package``, a copy of ``agentcore_lab``.

    Raises:
        Misfit: the place is not there, or not once.
    """
    file = package / fault.file
    code = file.read_text()
    if code.count(fault.before) != 1:
        raise Misfit(f"{fault.name}: its place stands {code.count(fault.before)} times in {fault.file}")
    file.write_text(code.replace(fault.before, fault.after))


def try_fault(fault: Fault, *, labs: bool) -> Noticed:
    """Plant the fault in a copy of the project; what its tests and labs make of it."""
    with tempfile.TemporaryDirectory(prefix="agentcore-lab-fault-") as scratch:
        copy = Path(scratch)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        plant(fault, copy / "agentcore_lab")
        test = _first_failure(copy, [*_FAST, *fault.tests])
        noticed = {lab: _lab_fails(copy, lab) for lab in fault.labs} if labs else {}
        return Noticed(test, noticed)


def _first_failure(copy: Path, arguments: Sequence[str]) -> str | None:
    ran = _run(copy, [*_PYTEST, *arguments])
    if ran.returncode == 0:
        return None
    failures = (
        line.split(" ", 1)[1].split(" - ")[0]
        for line in ran.stdout.splitlines()
        if line.startswith(("FAILED ", "ERROR "))
    )
    return next(failures, None) or _unforeseen(ran)


def _lab_fails(copy: Path, lab: str) -> str | None:
    """The cell at which nbval found another output than the stored one, or an error."""
    notebook = next((copy / "notebooks").glob(f"{lab}-*.ipynb"))
    sanitize = copy / "tests" / "notebooks" / "sanitize.cfg"
    options = ["--nbval", "--nbval-sanitize-with", str(sanitize), "-c", os.devnull, "--rootdir", str(copy)]
    ran = _run(copy, [*_PYTEST, *options, str(notebook)])
    subprocess.run(
        [sys.executable, "-m", "agentcore_lab", "down"],
        env=_environment(copy),
        cwd=copy,
        check=False,
        capture_output=True,
    )
    if ran.returncode == 0:
        return None
    failures = (
        line.split("::")[-1].split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith("FAILED ")
    )
    return next(failures, None) or _unforeseen(ran)


def _unforeseen(ran: subprocess.CompletedProcess[str]) -> str:
    sys.exit(
        f"pytest ended with {ran.returncode} and names no failure:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    )


def _run(copy: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=_environment(copy),
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def _environment(copy: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AGENTCORE_LAB_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(copy),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "AGENTCORE_LAB_DATA_DIR": str(copy / "data"),
        "AGENTCORE_LAB_SANDBOX": "process",
    }


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="some of the faults; without, all")
    parser.add_argument("--no-labs", action="store_true", help="run the tests only")
    options = parser.parse_args(arguments)
    chosen = [fault for fault in FAULTS if not options.names or fault.name in options.names]
    sys.stdout.write(
        "| fault: no longer true that … | the test that noticed | the cell of a lab that noticed |\n|---|---|---|\n"
    )
    code = 0
    for fault in chosen:
        noticed = try_fault(fault, labs=not options.no_labs)
        code = code if noticed.by_all else 1
        cells = ", ".join(f"{lab}: {cell or '**none**'}" for lab, cell in noticed.labs.items()) or "–"
        test = noticed.test or "**none**"
        sys.stdout.write(f"| `{fault.name}`: {fault.broken} | `{test}` | {cells} |\n")
        sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
