"""What is kept of a lab that was run, and what is noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tools import notebooks
from tools.notebooks import WIDGET, WIDGETS, problems, text_of, tidy


def lab(*outputs: dict[str, Any], **metadata: Any) -> Any:
    """A notebook of one cell that has run."""
    cell = nbformat.v4.new_code_cell("ask()", id="ask", execution_count=7, outputs=list(outputs))  # type: ignore[no-untyped-call]
    cell.metadata.update({"tags": ["kept"], "execution": {"iopub.status.busy": "now"}})
    made = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    made.metadata.update({"papermill": {"duration": 3.2}, "language_info": {"version": "3.13.1"}, **metadata})
    return made


def says(text: str) -> dict[str, Any]:
    """An output printed by a cell."""
    made: dict[str, Any] = nbformat.v4.new_output("stream", name="stdout", text=text)  # type: ignore[no-untyped-call]
    return made


def shows(model: str, child: str, label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A widget that a cell displays, and the notebook's state of it and its child."""
    data = {WIDGET: {"model_id": model}, "text/plain": "Panel()"}
    output: dict[str, Any] = nbformat.v4.new_output("display_data", data=data)  # type: ignore[no-untyped-call]
    states = {model: {"state": {"children": [f"IPY_MODEL_{child}"]}}, child: {"state": {"value": label}}}
    return output, {WIDGETS: {"state": {**states, "abandoned": {}}}}


def test_times_versions_and_counts_of_a_run_are_noise() -> None:
    """What stays are tags, the kernel's name and numbers from one; a second time changes nothing."""
    done = tidy(lab(says("a\n"), says("b\n")))
    assert done.cells[0].metadata == {"tags": ["kept"]}
    assert done.cells[0].execution_count == 1
    assert [output.text for output in done.cells[0].outputs] == ["a\nb\n"]
    assert set(done.metadata) == {"kernelspec", "language_info"}
    assert "version" not in done.metadata.language_info
    assert text_of(tidy(done)) == text_of(done)


def test_an_output_that_says_the_same_stays_as_it_was() -> None:
    """Ids and times that differ are no change; a word is."""
    before = tidy(lab(says("runtime greeter-AbCdEfGhIj in 12 ms")))
    assert text_of(tidy(lab(says("runtime greeter-0123456789 in 99 ms")), before)) == text_of(before)
    after = tidy(lab(says("farewell greeter-0123456789 in 99 ms")), before)
    assert after.cells[0].outputs[0].text == "farewell greeter-0123456789 in 99 ms"


def test_widgets_are_named_after_their_cell() -> None:
    """Two runs give the same file; models that nothing shows are dropped; a widget that was kept keeps its state."""
    first, first_states = shows("aaaa1111", "bbbb2222", "3 s")
    second, second_states = shows("cccc3333", "dddd4444", "9 s")
    before = tidy(lab(first, widgets=first_states))
    assert len(before.metadata.widgets[WIDGETS]["state"]) == 2
    assert "1111" not in text_of(before)
    assert text_of(tidy(lab(second, widgets=second_states), before)) == text_of(before)
    assert "9 s" in text_of(tidy(lab(second, widgets=second_states)))


@pytest.mark.parametrize("cell_id", ["3f2a9c1e", "b6a2f7c0-1111-4222-8333-444455556666", "Ask", "ask_it"])
def test_a_cell_id_is_a_word(cell_id: str, tmp_path: Path) -> None:
    """Ids that Jupyter makes up, which change when a cell is cut and pasted, are told by the check."""
    made = tidy(lab(says("hello")))
    made.cells[0].id = cell_id
    path = tmp_path / "01-lab.ipynb"
    path.write_text(text_of(made))
    assert [problem.partition(":")[0] for problem in problems(path)] == [f"cell {cell_id!r}"]


def test_the_check_tells_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An untidy lab ends the check with 1 and the command that mends it; that command does."""
    path = tmp_path / "01-lab.ipynb"
    nbformat.write(lab(says("hello")), path)  # type: ignore[no-untyped-call]
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    assert notebooks.main(["check"]) == 1
    assert "run `python -m tools.notebooks tidy 01`" in capsys.readouterr().out
    assert notebooks.main(["tidy", "01"]) == 0
    assert notebooks.main(["check", str(path)]) == 0
