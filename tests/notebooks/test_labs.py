"""Every lab, run as a reader runs it: by papermill on each sandbox, twice; by nbval against its stored outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from agentcore_lab.discovery import find_engine
from agentcore_lab.launch import stop
from tests.programs import ROOT, Program

LABS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SANITIZE = Path(__file__).with_name("sanitize.cfg")
SOLUTION = re.compile(r"<summary>Solution</summary>\n+```python\n(.*?)```", re.DOTALL)
SANDBOXES = [
    pytest.param("process", marks=pytest.mark.process),
    pytest.param("docker", marks=pytest.mark.docker),
]

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.parametrize("lab", [pytest.param(path, id=path.stem) for path in LABS]),
]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """A data directory of this test; the engine a lab starts there is stopped afterwards."""
    program = Program(tmp_path / "data")
    yield program
    if engine := find_engine(program.data_dir):
        stop(engine)


def run(program: Program, *command: str) -> None:
    """Run a Python module to a good end."""
    environment = {
        **program.environment(),
        # Kernels of the interpreter that runs the tests, whatever kernels the machine has besides.
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=ROOT / "notebooks",
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-6000:]


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_the_lab_runs_twice_with_fresh_parameters(
    lab: Path, sandbox: str, program: Program, tmp_path: Path
) -> None:
    """Two runs on one engine, each to the last cell, and no runtime or session is left behind."""
    for name in ("first_run", "second_run"):
        executed = tmp_path / f"{name}.ipynb"
        run(program, "papermill", str(lab), str(executed), "-p", "sandbox", sandbox, "-p", "name", name)
        notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
        assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    engine = find_engine(program.data_dir)
    assert engine is not None
    assert engine.sandbox == sandbox
    assert program.run("status").stdout.splitlines()[1:] == ["0 running sessions", "No agent runtimes yet."]


@pytest.mark.process
def test_the_solution_of_the_exercise_works(lab: Path, program: Program, tmp_path: Path) -> None:
    """A reader who pastes the hidden solution below the exercise gets to the last cell."""
    notebook = nbformat.read(lab, as_version=4)  # type: ignore[no-untyped-call]
    place, solution = next(
        (number, found[1])
        for number, cell in enumerate(notebook.cells, start=1)
        if (found := SOLUTION.search(cell.source))
    )
    notebook.cells.insert(place, nbformat.v4.new_code_cell(solution))  # type: ignore[no-untyped-call]
    solved = tmp_path / "solved.ipynb"
    nbformat.write(notebook, solved)  # type: ignore[no-untyped-call]
    run(program, "papermill", str(solved), str(tmp_path / "executed.ipynb"), "-p", "sandbox", "process")


@pytest.mark.docker
def test_the_lab_prints_what_is_stored_in_it(lab: Path, program: Program) -> None:
    """Run All gives the outputs the reader of the stored notebook sees; ids, times and ports aside."""
    nbval = ["pytest", "--nbval", "--nbval-sanitize-with", str(SANITIZE), "-c", os.devnull, "-q"]
    run(program, *nbval, "-p", "no:cacheprovider", "--rootdir", str(lab.parent), str(lab))


def test_the_lab_is_stored_as_a_reader_wants_it(lab: Path) -> None:
    """Outputs are stored, cells ran from top to bottom, none failed, none is longer than a screen."""
    notebook = nbformat.read(lab, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any(cell.outputs for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert all(len(cell.source.splitlines()) <= 30 for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert str(ROOT) not in lab.read_text()
