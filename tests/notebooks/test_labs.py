"""Every lab, run as a reader runs it: from top to bottom by papermill, and by nbval against its stored outputs.

All labs of one kind of sandbox share an engine. ``make test`` runs all of them on processes, and labs 1 and 4 on
containers, without the frameworks of lab 1, and compares what each prints with what is stored in it. ``make test-long``
runs everything on both, twice in a row in a random order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebooks.stage import LABS, Classroom, classroom, variant
from tests.programs import ROOT
from tools.notebooks import problems, read

ALWAYS_ON_DOCKER = ("01", "04")
SCREEN = 30
"""Lines of a cell that a reader sees at once."""

EVERY_LAB = [pytest.param(path, id=path.stem) for path in LABS]
QUICKLY_ON_DOCKER = [param for param in EVERY_LAB if str(param.id).startswith(ALWAYS_ON_DOCKER)]
THE_OTHERS = [param for param in EVERY_LAB if param not in QUICKLY_ON_DOCKER]

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """The engine of all labs on the process sandbox."""
    with classroom(tmp_path_factory.mktemp("processes"), "process") as room:
        yield room


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """The engine of all labs on ARM64 containers."""
    with classroom(tmp_path_factory.mktemp("containers"), "docker") as room:
        yield room


def all_ran(executed: Path) -> bool:
    """Whether a reader who pressed Run All got to the last cell."""
    return all(cell.execution_count for cell in read(executed).cells if cell.cell_type == "code")


@pytest.mark.process
@pytest.mark.parametrize("lab", EVERY_LAB)
def test_the_lab_and_its_solution_run_on_processes(lab: Path, processes: Classroom, tmp_path: Path) -> None:
    """A reader who pastes the solution below the exercise gets to the last cell, and nothing is left behind."""
    executed = tmp_path / lab.name
    processes.papermill(variant(lab, tmp_path / "solved.ipynb", short=True, solved=True), executed)
    assert all_ran(executed)
    processes.is_empty()


@pytest.mark.docker
@pytest.mark.parametrize("lab", QUICKLY_ON_DOCKER)
def test_the_lab_prints_what_is_stored_in_it(lab: Path, containers: Classroom) -> None:
    """Run All gives the outputs the reader of the stored notebook sees; ids, times and ports aside."""
    containers.nbval(lab, short=True)
    containers.is_empty()


@pytest.mark.process
@pytest.mark.parametrize("lab", THE_OTHERS)
def test_the_other_labs_print_on_processes_what_is_stored_in_them(lab: Path, processes: Classroom) -> None:
    """So that no lab's text outlives what the engine does; what containers alone show is compared above, or below."""
    processes.nbval(lab, short=True)
    processes.is_empty()


@pytest.mark.long
@pytest.mark.docker
@pytest.mark.parametrize("lab", EVERY_LAB)
def test_every_lab_prints_what_is_stored_in_it(lab: Path, containers: Classroom) -> None:
    """The same for all labs, and all of each."""
    containers.nbval(lab)
    containers.is_empty()


@pytest.mark.long
@pytest.mark.parametrize(
    "room",
    [
        pytest.param("processes", marks=pytest.mark.process),
        pytest.param("containers", marks=pytest.mark.docker),
    ],
)
def test_labs_run_twice_in_a_row_in_any_order(
    room: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every lab twice on one engine, whichever came before it, and nothing is left behind."""
    chosen: Classroom = request.getfixturevalue(room)
    seed = random.randrange(2**32)
    order = random.Random(seed).sample(LABS, len(LABS))
    print(f"seed {seed}: {' '.join(lab.name[:2] for lab in order)}")
    for lab in order:
        for run in ("first", "second"):
            executed = tmp_path / f"{run}-{lab.name}"
            chosen.papermill(lab, executed)
            assert all_ran(executed)
            chosen.is_empty()


@pytest.mark.parametrize("lab", EVERY_LAB)
def test_the_lab_is_stored_as_a_reader_wants_it(lab: Path) -> None:
    """Outputs are stored, cells ran from top to bottom, none failed, none is longer than a screen."""
    code = [cell for cell in read(lab).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any(cell.outputs for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert all(len(cell.source.splitlines()) <= SCREEN for cell in code)
    assert str(ROOT) not in lab.read_text()


@pytest.mark.parametrize("lab", EVERY_LAB)
def test_the_lab_is_stored_without_noise(lab: Path) -> None:
    """A diff shows what somebody changed: ids that stay, no times of execution, no ids of widgets made up anew."""
    notebook = read(lab)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert problems(lab) == []


@pytest.mark.parametrize("lab", EVERY_LAB)
def test_the_lab_has_the_parts_every_lab_has(lab: Path) -> None:
    """Goal, picture, parameters, what just happened, exercise with a hidden solution, clean-up, AWS's own pages."""
    cells = read(lab).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for part in (
        "**Goal.**",
        "```mermaid",
        "**What just happened.**",
        "## Exercise",
        "<summary>Solution</summary>",
        "## Clean up",
        "https://docs.aws.amazon.com/bedrock-agentcore/",
    ):
        assert part in text, part
    [parameters] = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert {"sandbox", "region"} <= {line.partition(" =")[0] for line in parameters.splitlines()}
