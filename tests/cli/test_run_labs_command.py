"""``agentcore-lab run-labs``: every lab to its last cell, a table, and an exit code for those who only look at that."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from agentcore_lab.cli.run_lab import run_lab
from tests.programs import Program

GOOD = ['sandbox = None\nregion = "none"', "from agentcore_lab import Lab", "Lab().sandbox, sandbox, region"]
BAD = ["1 + 1", "{}['nothing']", "raise SystemExit"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of labs: 10 runs to its end, 11 fails in its second cell."""
    folder = tmp_path / "workshop" / "notebooks"
    folder.mkdir(parents=True)
    form: Any = nbformat.v4
    for name, cells in (("10-good", GOOD), ("11-bad", BAD)):
        notebook = form.new_notebook(cells=[form.new_code_cell(cell) for cell in cells])
        notebook.cells[0].metadata["tags"] = ["parameters"]
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "language": "python",
            "display_name": "Python 3",
        }
        (folder / f"{name}.ipynb").write_text(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    return folder.parent


@pytest.mark.process
def test_labs_run_and_the_table_says_where_one_failed(root: Path, tmp_path: Path) -> None:
    """One engine for all of them, ended afterwards; a lab that fails stops none; the executed notebooks are kept."""
    program, output = Program(tmp_path / "data"), tmp_path / "out"
    ran = program.run(
        "run-labs", "--root", str(root), "--output", str(output), "--sandbox", "process", "--port", "0"
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "without encryption" not in ran.stderr
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in ran.stdout.splitlines()
        if "│" in line
    ]
    assert [(row[0], *row[2:]) for row in rows] == [("10-good", "yes", ""), ("11-bad", "no", "2")]
    assert "11-bad: KeyError: 'nothing'" in ran.stdout
    executed = nbformat.read(output / "10-good.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[-1].outputs[0].data["text/plain"] == "('process', 'process', 'us-west-2')"
    assert (output / "11-bad.ipynb").exists()
    assert program.run("status").returncode == 1


@pytest.mark.process
def test_labs_can_be_named_and_run_in_that_order(root: Path, tmp_path: Path) -> None:
    """By the beginning of the name; a name that fits none, or several, is refused before anything runs."""
    program = Program(tmp_path / "data")
    options = ["--root", str(root), "--output", str(tmp_path / "out"), "--sandbox", "process", "--port", "0"]
    assert program.run("run-labs", "10", "10-good", *options).returncode == 0
    refused = program.run("run-labs", "1", *options)
    assert refused.returncode != 0
    assert "'1' names 2 labs. There are: 10-good, 11-bad." in refused.stderr
    nowhere = program.run("run-labs", "--root", str(tmp_path))
    assert f"{tmp_path}/notebooks has no labs" in nowhere.stderr


@pytest.mark.parametrize(("deaths", "why"), [(1, ""), (2, "no kernel for it: Kernel died before replying")])
def test_a_kernel_that_does_not_come_up_is_started_once_more(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: int, why: str
) -> None:
    """Another program may have taken one of the ports that were chosen for it."""
    script, starts = tmp_path / "kernel.py", tmp_path / "starts"
    script.write_text(
        f"import sys\n"
        f"with open({str(starts)!r}, 'a+') as starts:\n"
        f"    starts.write('+')\n"
        f"    starts.seek(0)\n"
        f"    if len(starts.read()) <= {deaths}:\n"
        f"        sys.exit('Address already in use')\n"
        f"from ipykernel.kernelapp import launch_new_instance\n"
        f"launch_new_instance()\n"
    )
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    about = {"display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps({"argv": [sys.executable, str(script), "-f", "{connection_file}"], **about}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = root / "notebooks" / "12-plain.ipynb"
    form: Any = nbformat.v4
    cells = [form.new_code_cell("6 * 7")]
    kernel = {"name": "python3", **about}
    plain = form.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(plain, notebook)  # type: ignore[no-untyped-call]
    ran = run_lab(notebook, tmp_path / "out" / notebook.name)
    assert (ran.passed, ran.why.startswith(why)) == (not why, True)
    assert starts.read_text() == "++"
