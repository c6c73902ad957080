"""The panels outside JupyterLab: Notebook 7, and the dashboard's page of Voilà."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import leave_note
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from tests.browser.contrast import assert_readable
from tests.browser.jupyter import LOAD_MS, RUN_ATTEMPTS, Theme, comes, jupyter_server, wait_for_kernel
from tests.browser.pages import ROOT, SPEC, chromium
from tests.conftest import HELLO, clients_of
from tests.runtime.test_control_plane import create, settled

__all__ = ["chromium"]

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of an engine with one runtime, hello_agent."""
    folder = tmp_path_factory.mktemp("engine")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    backend = ScriptedBackend()
    backend.add(HELLO)
    with engine_in_thread(settings, backend, SystemClock()) as engine:
        leave_note(engine)
        clients = clients_of(engine.url)
        settled(clients, create(clients)["agentRuntimeId"])
        yield settings.data_dir


def test_notebook_7_shows_the_panels(chromium: Browser, data_dir: Path, tmp_path: Path) -> None:
    """Run the cell with Shift+Enter; the panel sends, and the Sessions panel beside it shows the session."""
    root = tmp_path / "notebooks"
    root.mkdir()
    cell = (
        f"from agentcore_lab import Lab\nlab = Lab(data_dir={str(data_dir)!r})\n"
        "arn = lab.control.list_agent_runtimes()['agentRuntimes'][0]['agentRuntimeArn']\nlab.dashboard(arn)"
    )
    content = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell)],  # type: ignore[no-untyped-call]
        metadata={"kernelspec": SPEC},
    )
    (root / "live.ipynb").write_text(nbformat.writes(content))  # type: ignore[no-untyped-call]
    with (
        jupyter_server(root, {"PYTHONPATH": str(ROOT)}, scratch=tmp_path, program="notebook") as server,
        chromium.new_context(viewport={"width": 1280, "height": 1000}) as context,
    ):
        page = context.new_page()
        page.goto(f"{server.url}/notebooks/live.ipynb", timeout=LOAD_MS)
        expect(page.locator(".jp-CodeCell .cm-content").first).to_be_visible(timeout=LOAD_MS)
        wait_for_kernel(page, "live.ipynb")
        # On a busy machine it asks which kernel is meant, and forgets what was to be run.
        page.add_locator_handler(
            page.get_by_role("button", name="Select", exact=True), lambda button: button.click()
        )
        panel = page.get_by_role("group", name="Invoke an agent runtime")
        for _ in range(RUN_ATTEMPTS):
            page.locator(".jp-CodeCell .cm-content").first.click()
            page.keyboard.press("Shift+Enter")
            if comes(panel):
                break
        panel.get_by_role("button", name="Send").click()
        expect(panel.get_by_role("region", name="Answer")).to_contain_text("Hello!")
        rows = page.get_by_role("group", name="Sessions", exact=True).locator("tbody tr")
        expect(rows.first.locator(".acl-pill")).to_have_text("Idle")
        assert_readable(panel)
        page.screenshot(path=tmp_path / "notebook-7.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dashboard_is_a_page(chromium: Browser, data_dir: Path, theme: Theme, tmp_path: Path) -> None:
    """The runtime is chosen, its agent answers, and the page is readable in both themes."""
    command = [sys.executable, "-m", "agentcore_lab", "dashboard", "--headless", "--theme", theme]
    with (
        subprocess.Popen(
            [*command, "--data-dir", str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as program,
        chromium.new_context(viewport={"width": 1000, "height": 1300}) as context,
    ):
        assert program.stdout is not None
        try:
            found = re.search(r"http://\S+", program.stdout.readline())
            assert found is not None
            page = context.new_page()
            page.goto(found[0], timeout=LOAD_MS)
            choice = page.get_by_role("group", name="Dashboard", exact=True)
            expect(choice).to_be_visible(timeout=LOAD_MS)
            choice.get_by_label("Agent runtime", exact=True).select_option("hello_agent · version 1")
            panel = page.get_by_role("group", name="Invoke an agent runtime")
            panel.get_by_role("button", name="Send").click()
            expect(panel.get_by_role("region", name="Answer")).to_contain_text("Hello!")
            expect(
                page.get_by_role("group", name="Sessions", exact=True).locator("tbody tr")
            ).not_to_have_count(0)
            for each in (choice, panel):
                assert_readable(each)
            page.screenshot(path=tmp_path / f"dashboard-{theme}.png")
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(90)
