"""What is left of live panels where no page and no kernel is: a saved notebook, and text."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

OPEN = (
    "from tests.browser.scripted_live import open_lab\n"
    "from agentcore_lab.panels import HealthPanel, SessionsPanel, VersionsPanel\n"
    "lab = open_lab()\n"
    "arn = lab.runtime()\n"
    "lab.talk(arn, 2);"
)


def test_an_executed_notebook_keeps_what_the_panels_showed() -> None:
    """Widget state holds the last state; as text the panels are the same in every run."""
    sources = [OPEN, "SessionsPanel(lab.source)", "VersionsPanel(lab.source)", "HealthPanel(lab.source, arn)"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, kernel_name="python3", timeout=180).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    (versions,) = [each["state"] for each in states if "runtimes" in each["state"]]
    assert [each["name"] for each in versions["runtimes"]] == ["hello_agent"]
    sessions = [each["state"]["sessions"] for each in states if "sessions" in each["state"]]
    assert [[row["state"] for row in rows] for rows in sessions] == [["Idle", "Idle"], ["Idle", "Idle"]]
    text, _resources = MarkdownExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    assert "SessionsPanel(all runtimes)" in text
    assert "VersionsPanel(all runtimes)" in text
    assert "HealthPanel(runtime 'hello_agent')" in text
