"""The panel in a real kernel: threads, messages, and what an executed notebook keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
OPEN = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.browser.scripted_panel import open_panel
panel = open_panel()
panel
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A Python kernel whose folder is the test's."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_kernel_stays_free_while_an_answer_is_awaited(
    kernel: BlockingKernelClient, tmp_path: Path
) -> None:
    """A click returns at once, a cell runs meanwhile, and the answer reaches the browser when it comes."""
    opened: list[dict[str, Any]] = []
    kernel.execute_interactive(OPEN, output_hook=opened.append, timeout=180)
    (comm_id,) = [
        each["content"]["comm_id"]
        for each in opened
        if each["msg_type"] == "comm_open" and "turns" in each["content"]["data"]["state"]
    ]
    click = {"method": "custom", "content": {"type": "send", "prompt": "slow", "raw": False}}
    kernel.shell_channel.send(kernel.session.msg("comm_msg", {"comm_id": comm_id, "data": click}))
    _update(kernel, lambda state: state.get("waiting"))
    reply = kernel.execute_interactive("assert panel.waiting['prompt'] == 'slow'", timeout=180)
    assert reply["content"]["status"] == "ok"
    (tmp_path / "go").touch()
    done = _update(kernel, lambda state: state.get("turns"))
    assert done["turns"][-1]["answer"]["gist"] == "You said: slow"
    assert done["waiting"] is None


def test_an_executed_notebook_keeps_what_the_panel_showed() -> None:
    """Saved widget state holds the answer, and where no widget can be shown the text stands."""
    cells = [nbformat.v4.new_code_cell(source) for source in (OPEN, "panel.send('Hello')")]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, kernel_name="python3", timeout=180).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    (panel,) = [each["state"] for each in states if "turns" in each["state"]]
    assert panel["turns"][0]["answer"]["gist"] == "You said: Hello"
    assert panel["sessions"][0]["state"] == "Idle"
    text, _resources = MarkdownExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    assert "InvokePanel(runtime 'hello_agent', endpoint DEFAULT, no answer yet)" in text
    texts = [
        output.data["text/plain"] for cell in notebook.cells for output in cell.outputs if "data" in output
    ]
    assert "Answer(You said: Hello)" in texts


def _update(kernel: BlockingKernelClient, wanted: Any) -> dict[str, Any]:
    """The first update of a widget's traits that is as wanted."""
    while True:
        message = kernel.get_iopub_msg(timeout=90)
        data = message["content"].get("data", {})
        if message["msg_type"] == "comm_msg" and data.get("method") == "update" and wanted(data["state"]):
            state: dict[str, Any] = data["state"]
            return state
