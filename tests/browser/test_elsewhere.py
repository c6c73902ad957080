"""The panels outside JupyterLab: Notebook 7, and the dashboard's page of Voilà."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.contrast import assert_readable
from tests.browser.jupyter import LOAD_MS, RUN_ATTEMPTS, Theme, comes, jupyter_server, wait_for_kernel
from tests.browser.pages import ROOT, Stage, chromium, stage, write_notebook

__all__ = ["chromium", "stage"]

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_notebook_7_shows_the_panels(chromium: Browser, stage: Stage, tmp_path: Path) -> None:
    """Run the cell with Shift+Enter; the panel sends, and the Sessions panel beside it shows the session."""
    root = tmp_path / "notebooks"
    root.mkdir()
    write_notebook(root, f"{stage.cell}\nlab.dashboard({stage.arn!r})")
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
def test_the_dashboard_is_a_page(chromium: Browser, stage: Stage, theme: Theme, tmp_path: Path) -> None:
    """The runtime is chosen, its agent answers, and the page is readable in both themes."""
    command = [sys.executable, "-m", "agentcore_lab", "dashboard", "--headless", "--theme", theme]
    with (
        subprocess.Popen(
            [*command, "--data-dir", str(stage.data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
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
