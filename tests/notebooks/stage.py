"""An engine, and a copy of the labs whose kernels find it: what a lab writes beside itself stays out of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat

from agentcore_lab.discovery import RunningEngine
from tests.programs import ROOT, Program
from tools.notebooks import read

SANITIZE = Path(__file__).with_name("sanitize.cfg")
NOTEBOOKS = ROOT / "notebooks"
LABS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
FRAMEWORKS = re.compile(r"^frameworks = \[.*?\]", re.MULTILINE)
ARCHITECTURE = "\n[architecture]\nregex: aarch64|x86_64\nreplace: ARCHITECTURE\n"
EMPTY = ["0 running sessions", "No agent runtimes yet."]
PORT_TAKEN = "ZMQError: Address already in use"
SETTLE_SECONDS = 30
SOLUTION = re.compile(r"<summary>Solution</summary>\n+```python\n(.*?)```", re.DOTALL)


def variant(lab: Path, into: Path, *, short: bool = False, solved: bool = False) -> Path:
    """A lab as another reader has it.

    ``short``: its frameworks are left out, whose imports take minutes under QEMU. ``solved``: the hidden solution
    is pasted below the exercise.
    """
    notebook = read(lab)
    for cell in notebook.cells if short else ():
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            cell.source = FRAMEWORKS.sub("frameworks = []", cell.source)
        if "frameworks" in tags:
            cell.outputs = []
    if solved:
        place, solution = next(
            (number, found[1])
            for number, cell in enumerate(notebook.cells, start=1)
            if (found := SOLUTION.search(cell.source))
        )
        notebook.cells.insert(place, nbformat.v4.new_code_cell(solution))  # type: ignore[no-untyped-call]
    nbformat.write(notebook, into)  # type: ignore[no-untyped-call]
    return into


@dataclass(frozen=True)
class Classroom:
    """One engine for all labs, on one kind of sandbox."""

    program: Program
    engine: RunningEngine
    folder: Path

    def papermill(self, lab: Path, executed: Path) -> None:
        """Run a lab, wherever it is stored, in the folder of the labs."""
        sandbox = self.engine.sandbox
        region = self.engine.region
        self._run("papermill", str(lab), str(executed), "-p", "sandbox", sandbox, "-p", "region", region)

    def nbval(self, lab: Path, *, short: bool = False) -> None:
        """Run a lab and compare its outputs, of ARM64 containers, with the stored ones."""
        command = ["pytest", "--nbval", "--nbval-sanitize-with", str(self._sanitize()), "-c", os.devnull, "-q"]
        here = variant(lab, self.folder / lab.name, short=short)
        self._run(*command, "-p", "no:cacheprovider", "--rootdir", str(self.folder), str(here))

    def _sanitize(self) -> Path:
        """What may differ; of processes the architecture as well, which is this machine's."""
        if self.engine.sandbox == "docker":
            return SANITIZE
        sanitize = self.folder / SANITIZE.name
        sanitize.write_text(SANITIZE.read_text() + ARCHITECTURE)
        return sanitize

    def is_empty(self) -> None:
        """No runtime and no session is left behind; what is still being deleted is waited for."""
        for _ in range(SETTLE_SECONDS):
            told = self.program.run("status").stdout.splitlines()[1:]
            if told == EMPTY:
                return
            time.sleep(1)
        raise AssertionError(told)

    def _run(self, *command: str) -> None:
        environment = {
            **self.program.environment(),
            # Kernels of the interpreter that runs the tests, whatever kernels the machine has besides.
            "JUPYTER_PREFER_ENV_PATH": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
        }
        for _ in range(2):
            ran = subprocess.run(
                [sys.executable, "-m", *command],
                env=environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            # Jupyter chooses a kernel's ports before the kernel has them, and the tests beside this one take ports too.
            if PORT_TAKEN not in ran.stdout + ran.stderr:
                break
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-6000:]


@contextmanager
def classroom(home: Path, sandbox: str) -> Iterator[Classroom]:
    """An engine that is ended at the end of the block, and a copy of ``notebooks/`` beside the agents."""
    folder = home / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("work", "agents", ".*"))
    (home / "containers").symlink_to(ROOT / "containers")
    program = Program(home / "data", {"AGENTCORE_LAB_SANDBOX": sandbox})
    with program.serving("--sandbox", sandbox, "--port", "0") as serving:
        yield Classroom(program, serving.engine, folder)
