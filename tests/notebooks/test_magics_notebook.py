"""The magics in a real kernel: executed twice on one engine, and compared by nbval, on real agents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from agentcore_lab.discovery import RunningEngine, find_engine
from agentcore_lab.launch import stop
from tests.programs import ROOT, Program

pytestmark = [pytest.mark.notebook, pytest.mark.process]

SANITIZE = Path(__file__).with_name("sanitize.cfg")
AGENT = """\
%%agent greeter --env GREETING=Hi --endpoint prod
import os

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload):
    print("asked", payload["prompt"])
    return {"answer": f"{os.environ['GREETING']} {payload['prompt']}"}


app.run()
"""
CELLS = (
    "from agentcore_lab import Lab\nlab = Lab(sandbox='process')\nlab",
    "%load_ext agentcore_lab",
    AGENT,
    '%invoke greeter {"prompt": "Ada"}',
    "%invoke greeter How are you?",
    "%sessions greeter",
    "lab.session(_.session_id if hasattr(_, 'session_id') else _[0].session_id)",
    "%logs greeter -n 50",
    "with lab.scratch() as scratch:\n    lab.control.create_workload_identity(name='passing')\nscratch",
    "lab.clock",
    "lab.cleanup()",
)
TEXTS = [
    "Lab(sandbox='process', region='us-west-2')",
    "BuildProgress('greeter')",
    "Agent(greeter: READY, version 1, endpoint prod)",
    "Answer(Hi Ada)",
    "Answer(Hi How are you?)",
    "1 session: 1 Idle",
    "Session(Idle, version 1, DEFAULT)",
    "Scratch(nothing made yet)",
    "LabClock(the time of the machine)",
    "['session of greeter', 'agent runtime endpoint prod', 'agent runtime greeter']",
]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """A data directory and an environment of this test; the engine that is started there is ended."""
    program = Program(tmp_path / "data")
    for name, value in program.environment().items():
        monkeypatch.setenv(name, value)
    # Kernels of the interpreter that runs the tests, and of the code under test.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield program
    if engine := find_engine(program.data_dir):
        stop(engine)


def notebook(*cells: str) -> Any:
    """A notebook of code cells."""
    made = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    return made


def executed(path: Path, *cells: str) -> Any:
    """The notebook, run by a fresh kernel in the folder."""
    client = NotebookClient(
        notebook(*cells), kernel_name="python3", timeout=300, resources={"metadata": {"path": str(path)}}
    )
    return client.execute()


def texts(run: Any) -> list[str]:
    """What it shows where only text can be shown, hints apart."""
    shown = [output.data["text/plain"] for cell in run.cells for output in cell.outputs if "data" in output]
    return [text for text in shown if not text.startswith(("boto3: ", "Python: ", "asked", "INFO"))]


def test_the_magics_run_twice_and_read_the_same(program: Program, tmp_path: Path) -> None:
    """Two kernels after each other on one engine: the same text both times, and nothing left behind."""
    assert texts(executed(tmp_path, *CELLS)) == TEXTS
    first = _engine(program)
    assert texts(executed(tmp_path, *CELLS)) == TEXTS
    assert _engine(program).instance == first.instance
    assert program.run("status").stdout.splitlines()[1:] == ["0 running sessions", "No agent runtimes yet."]
    assert (tmp_path / "agents" / "greeter" / "agent.py").read_text() == AGENT.partition("\n")[2]


def test_nbval_finds_the_same_outputs(program: Program, tmp_path: Path) -> None:
    """A stored notebook compares equal to its next run, HTML cards included."""
    stored = tmp_path / "stored.ipynb"
    # The log's request ids are the agent's own.
    cells = [cell for cell in CELLS if not cell.startswith("%logs")]
    nbformat.write(executed(tmp_path, *cells), stored)  # type: ignore[no-untyped-call]
    nbval = ["pytest", "--nbval", "--nbval-sanitize-with", str(SANITIZE), "-c", os.devnull, "-q"]
    ran = subprocess.run(
        [sys.executable, "-m", *nbval, "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(stored)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]


def test_a_failing_magic_stops_an_executed_notebook(program: Program, tmp_path: Path) -> None:
    """With one sentence in the cell, and an error a program can see."""
    with pytest.raises(CellExecutionError) as failed:
        executed(tmp_path, CELLS[0], CELLS[1], "%invoke nobody hello", "raise AssertionError('went on')")
    assert failed.value.ename == "BadInput"
    assert failed.value.traceback.strip().endswith("`%%agent nobody` makes one.")
    assert failed.value.traceback.count("\n") < 12


def _engine(program: Program) -> RunningEngine:
    engine = find_engine(program.data_dir)
    assert engine is not None
    return engine
