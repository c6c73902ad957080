"""Lab 1 as a learner does it: real JupyterLab, real engine, real agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agentcore_lab.discovery import find_engine
from agentcore_lab.launch import stop
from tests.browser.jupyter import LOAD_MS, JupyterServer, browser, choose, jupyter_server, open_notebook
from tests.notebooks.stage import variant
from tests.programs import ROOT

pytestmark = pytest.mark.browser

LAB = "01-hosting-runtime-agent.ipynb"
BUILD_MS = 300_000


@pytest.fixture(
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=pytest.mark.docker),
    ]
)
def sandbox(request: pytest.FixtureRequest) -> str:
    """Every sandbox the lab runs on."""
    name: str = request.param
    return name


@pytest.fixture
def server(tmp_path: Path, sandbox: str) -> Iterator[JupyterServer]:
    """JupyterLab on a copy of the lab; the engine its kernel starts is stopped afterwards."""
    root_dir = tmp_path / "notebooks"
    root_dir.mkdir()
    variant(ROOT / "notebooks" / LAB, root_dir / LAB, short=True)
    data_dir = tmp_path / "data"
    environment = {"AGENTCORE_LAB_DATA_DIR": str(data_dir), "AGENTCORE_LAB_SANDBOX": sandbox}
    with jupyter_server(root_dir, environment, scratch=tmp_path) as running:
        running.render_every_cell()
        yield running
    if engine := find_engine(data_dir):
        stop(engine)


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser window."""
    with browser() as opened:
        yield opened.new_page(viewport={"width": 1280, "height": 1000})


def finish(page: Page) -> None:
    """Wait until nothing runs or waits to run; a cell's error fails the test."""
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").filter(has_text="[*]")).to_have_count(
        0, timeout=BUILD_MS
    )
    raised = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")
    assert raised.count() == 0, raised.first.inner_text()


def test_a_learner_runs_the_lab_and_talks_to_the_agent_in_the_panel(
    page: Page, server: JupyterServer, sandbox: str, tmp_path: Path
) -> None:
    """Run to the panel, click Send, see the agent's answer and where it came from, then run the rest."""
    open_notebook(page, server, LAB)
    choose(page, "Edit", "Clear Outputs of All Cells")
    page.get_by_role("heading", name="8 · Update the agent").click()
    choose(page, "Run", "Run All Above Selected Cell")
    panel = page.get_by_role("group", name="Invoke an agent runtime")
    expect(panel).to_be_visible(timeout=BUILD_MS)
    finish(page)

    panel.get_by_role("button", name="New session").click()
    panel.get_by_label("Prompt", exact=True).fill("hawthorn berries")
    panel.get_by_role("button", name="Send").click()
    answer = panel.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("I heard: hawthorn berries", timeout=LOAD_MS)
    if sandbox == "docker":
        expect(answer).to_contain_text("aarch64")
    expect(panel).to_contain_text(f"{sandbox} sandbox")
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Idle")
    panel.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / f"lab-{sandbox}.png")
    panel.screenshot(path=tmp_path / f"panel-{sandbox}.png")

    page.get_by_role("heading", name="8 · Update the agent").click()
    choose(page, "Run", "Run Selected Cell and All Below")
    finish(page)
    expect(page.locator(".jp-CodeCell").last).to_contain_text("DELETING", timeout=BUILD_MS)
