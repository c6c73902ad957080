"""Keep the labs' diffs free of noise: what differs from run to run without saying anything is not stored.

``python -m tools.notebooks run 03`` runs a lab on a fresh engine and stores its outputs, ``tidy`` only tidies what is
stored, ``check`` names what is untidy and ends with 1. An output that compares equal to the stored one (by
``tests/notebooks/sanitize.cfg``) stays as it was, so that running a lab again changes nothing in it.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from agentcore_lab.discovery import find_engine
from agentcore_lab.launch import stop
from agentcore_lab.settings import apply_to_process

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
SANITIZE = ROOT / "tests" / "notebooks" / "sanitize.cfg"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGETS = "application/vnd.jupyter.widget-state+json"
KEPT_OF_A_CELL = {"tags", "jupyter"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
CELL_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""A word or two that a person chose; Jupyter's own ids are eight characters of a UUID, or as long as one."""
MADE_UP_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]+)?")
MODEL = re.compile(r"IPY_MODEL_([0-9a-f]+)")
SHOWN_DATA_DIR = "~/.local/share/agentcore-lab"


def stored(number: str) -> Path:
    """The lab whose file name starts with ``number``."""
    [found] = NOTEBOOKS.glob(f"{number}*.ipynb")
    return found


def read(path: Path) -> Any:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def text_of(notebook: Any) -> str:
    """What a notebook's file holds."""
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return text + "\n"


def tidy(notebook: Any, before: Any = None) -> Any:
    """The notebook without noise; outputs that say the same as in ``before`` are those of ``before``."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))  # type: ignore[no-untyped-call]
    states = dict(notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {}))
    kept_states: dict[str, Any] = {}
    earlier = _cells_by_id(before)
    number = 0
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT_OF_A_CELL}
        if cell.cell_type != "code":
            continue
        if cell.execution_count:
            cell.execution_count = number = number + 1
        cell.outputs = _merged(cell.outputs)
        _rename_widgets(cell, states)
        old = earlier.get(cell.id)
        if old is not None and sanitized(old.outputs) == sanitized(cell.outputs):
            cell.outputs = old.outputs
            states.update(_states(before))
        for output in cell.outputs:
            output.pop("metadata", None) if output.output_type == "stream" else None
            if "execution_count" in output:
                output.execution_count = cell.execution_count
            kept_states.update(_reachable(_widget(output), states))
    notebook.metadata = {"kernelspec": KERNEL, "language_info": LANGUAGE}
    if kept_states:
        notebook.metadata["widgets"] = {
            WIDGETS: {"state": kept_states, "version_major": 2, "version_minor": 0}
        }
    return nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]


def problems(path: Path) -> list[str]:
    """What a stored notebook has that it should not, in words."""
    notebook = read(path)
    found = [
        f"cell {cell.id!r}: give it an id that says what it is, in lower case with dashes"
        for cell in notebook.cells
        if not CELL_ID.fullmatch(cell.id) or MADE_UP_ID.fullmatch(cell.id)
    ]
    if path.read_text() != text_of(tidy(notebook)):
        found.append(
            f"run `python -m tools.notebooks tidy {path.name[:2]}`: metadata, ids or layout are noise"
        )
    return found


def sanitized(outputs: list[Any]) -> str:
    """Outputs as nbval compares them: without what differs from run to run."""
    rules = configparser.RawConfigParser()
    rules.read(SANITIZE)
    told = [
        {"name": output.get("name"), "text": output.get("text"), "data": _compared(output)}
        for output in outputs
    ]
    text = "\n".join(json.dumps(each, ensure_ascii=False, sort_keys=True) for each in told)
    for name in rules.sections():
        if name != "card":
            text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    return text


def _compared(output: Any) -> dict[str, Any]:
    """What of rich output is compared: a card and a widget say in their text what stays the same."""
    data = dict(output.get("data", {}))
    return {kind: value for kind, value in data.items() if kind not in {WIDGET, "text/html"}}


def _merged(outputs: list[Any]) -> list[Any]:
    """Pieces of one stream, which come as the kernel happens to send them, as one."""
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and output.output_type == "stream" == last.output_type
            and output.name == last.name
        ):
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _rename_widgets(cell: Any, states: dict[str, Any]) -> None:
    """Widget models are named after their cell, in the order they are met."""
    names: dict[str, str] = {}
    for output in cell.outputs:
        for model in _reachable(_widget(output), states):
            names[model] = hashlib.md5(f"{cell.id} {len(names)}".encode(), usedforsecurity=False).hexdigest()
    for old, new in names.items():
        state = json.dumps(states.pop(old))
        states[new] = json.loads(MODEL.sub(lambda m: f"IPY_MODEL_{names.get(m[1], m[1])}", state))
    for output in cell.outputs:
        if (model := _widget(output)) in names:
            output["data"][WIDGET]["model_id"] = names[model]


def _widget(output: Any) -> str:
    shown: Mapping[str, Any] = output.get("data", {}).get(WIDGET, {})
    return str(shown.get("model_id", ""))


def _reachable(model: str, states: Mapping[str, Any]) -> dict[str, Any]:
    """A widget's model and all models it refers to, itself first."""
    found: dict[str, Any] = {}
    waiting = [model]
    while waiting:
        if (name := waiting.pop(0)) in states and name not in found:
            found[name] = states[name]
            waiting += MODEL.findall(json.dumps(states[name], sort_keys=True))
    return found


def _cells_by_id(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"} if notebook else {}


def _states(notebook: Any) -> dict[str, Any]:
    return dict(notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {}))


def executed(path: Path, sandbox: str) -> Any:
    """The notebook, run from top to bottom on an engine of its own, in this machine's cache."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        apply_to_process({"AGENTCORE_LAB_DATA_DIR": str(data_dir), "AGENTCORE_LAB_SANDBOX": sandbox})
        notebook = read(path)
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
        )
        try:
            client.execute()
        finally:
            if engine := find_engine(data_dir):
                stop(engine)
        text = json.dumps(notebook).replace(str(data_dir), SHOWN_DATA_DIR).replace(sys.prefix, ".venv")
        return nbformat.from_dict(json.loads(text))  # type: ignore[no-untyped-call]


def _chosen(numbers: list[str]) -> Iterator[Path]:
    yield from (stored(number) for number in numbers) if numbers else sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def main(arguments: list[str]) -> int:
    """Run, tidy or check labs; the exit code tells whether all is well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["run", "tidy", "check"])
    parser.add_argument("labs", nargs="*", help="their numbers, 03; all of them if none is named")
    parser.add_argument("--sandbox", default="docker", choices=["docker", "process"])
    options = parser.parse_args(arguments)
    untidy = 0
    for path in _chosen([Path(lab).name[:2] for lab in options.labs]):
        if options.what == "check":
            found = problems(path)
            untidy += len(found)
            sys.stdout.writelines(f"{path.name}: {each}\n" for each in found)
            continue
        before = read(path)
        after = executed(path, options.sandbox) if options.what == "run" else before
        path.write_text(text_of(tidy(after, before)))
    return 1 if untidy else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
