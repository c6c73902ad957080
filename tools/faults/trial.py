"""Tests and labs run on a copy of the project, each no longer than it may take, and what they noticed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.faults.fault import Fault, plant

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
_PYTEST = ("-m", "pytest", "-x", "-v", "--color=no", "--no-header", "--tb=line", "-p", "no:cacheprovider")
_FAST = ("-m", "not docker and not browser and not long and not notebook")
_END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds the tests of one fault may take, one lab, and one cell of it: what takes longer hangs."""

    tests: int = 300
    lab: int = 600
    cell: int = 120


@dataclass(frozen=True, slots=True)
class Noticed:
    """What noticed a fault, or None for each that did not."""

    test: str | None
    labs: dict[str, str | None]

    @property
    def by_all(self) -> bool:
        """Whether everything that should have noticed did."""
        return self.test is not None and None not in self.labs.values()

    @property
    def by_any(self) -> bool:
        """Whether anything noticed."""
        return self.test is not None or any(self.labs.values())


def try_fault(fault: Fault, *, labs: bool, patience: Patience | None = None) -> Noticed:
    """Plant the fault in a copy of the project; what its tests and labs make of it.

    Raises:
        Misfit: the fault does not fit the code.
    """
    with _copy(patience or Patience()) as copy:
        plant(fault, copy.folder / "agentcore_lab")
        return copy.try_out(fault.tests, fault.labs if labs else ())


def try_none(faults: Iterable[Fault], *, labs: bool, patience: Patience | None = None) -> Noticed:
    """What the tests and labs of all these faults make of a copy without any: nothing, or they prove nothing."""
    chosen = list(faults)
    tests = dict.fromkeys(test for fault in chosen for test in fault.tests)
    shown = sorted({lab for fault in chosen for lab in fault.labs}) if labs else []
    several = patience or Patience(tests=3600)
    with _copy(several) as copy:
        return copy.try_out(tuple(tests), shown)


@contextmanager
def _copy(patience: Patience) -> Iterator[_Copy]:
    with tempfile.TemporaryDirectory(prefix="agentcore-lab-fault-") as scratch:
        folder = Path(scratch)
        (folder / "tmp").mkdir()
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder)
        try:
            yield _Copy(folder, patience)
        finally:
            _end_all_of(folder)


@dataclass(frozen=True, slots=True)
class _Copy:
    folder: Path
    patience: Patience

    def try_out(self, tests: Sequence[str], labs: Iterable[str]) -> Noticed:
        return Noticed(
            self._failure([*_FAST, *tests], self.patience.tests), {lab: self._lab(lab) for lab in labs}
        )

    def _lab(self, lab: str) -> str | None:
        """The cell at which nbval found another output than the stored one, or an error."""
        notebook = next((self.folder / "notebooks").glob(f"{lab}-*.ipynb"))
        sanitize = self.folder / "tests" / "notebooks" / "sanitize.cfg"
        options = ["--nbval", "--nbval-sanitize-with", str(sanitize), "-c", os.devnull]
        options += ["--nbval-cell-timeout", str(self.patience.cell), "--rootdir", str(self.folder)]
        failure = self._failure([*options, str(notebook)], self.patience.lab)
        self._run(["-m", "agentcore_lab", "down"], _END_SECONDS)
        _end_all_of(self.folder)
        return failure and failure.split("::")[-1]

    def _failure(self, arguments: Sequence[str], seconds: int) -> str | None:
        code, said = self._run([*_PYTEST, *arguments], seconds)
        if code is None:
            return f"{_running(said)} (did not end in {seconds} s)"
        if code == 0:
            return None
        failures = (
            line.split(" ", 1)[1].split(" - ")[0]
            for line in said.splitlines()
            if line.startswith(("FAILED ", "ERROR "))
        )
        return next(failures, None) or sys.exit(
            f"pytest ended with {code} and names no failure:\n{said[-5000:]}"
        )

    def _run(self, arguments: Sequence[str], seconds: int) -> tuple[int | None, str]:
        """The exit code, None of what had to be ended, and all it wrote.

        It writes to a file: what it leaves running would keep a pipe open.
        """
        written = self.folder / "written.txt"
        with written.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return code, written.read_text(errors="replace")

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "AGENTCORE_LAB_", "PYTEST_"))
        }
        return {
            **kept,
            "PYTHONPATH": str(self.folder),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "TMPDIR": str(self.folder / "tmp"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "AGENTCORE_LAB_DATA_DIR": str(self.folder / "data"),
            "AGENTCORE_LAB_SANDBOX": "process",
        }


def _running(said: str) -> str:
    """The test that pytest named last: with ``-v`` it names each as it begins."""
    begun = [line.split(" ")[0] for line in said.splitlines() if "::" in line.split(" ")[0]]
    return begun[-1] if begun else "pytest"


def _end_all_of(folder: Path) -> None:
    """End whatever a run has left behind: engines, kernels, agents that nobody ends any more."""
    left = [process for process in psutil.process_iter() if _is_of(process, folder)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=_END_SECONDS)


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in value for value in (process.cwd(), *process.environ().values()))
    except psutil.Error:
        return False
