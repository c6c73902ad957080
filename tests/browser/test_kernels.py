"""Kernels and one engine: two that share it, one that is restarted, and what Tab completes in JupyterLab."""

from __future__ import annotations

import re
import shutil
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.contrast import assert_readable
from tests.browser.jupyter import JupyterServer, open_notebook, run_all
from tests.browser.pages import Show, Stage, chromium, page, server, show, stage
from tests.browser.test_live_panels import panel_of
from tests.runtime.test_invocations import invoke

__all__ = ["chromium", "page", "server", "show", "stage"]

pytestmark = pytest.mark.browser


def test_two_kernels_share_an_engine(
    show: Show, page: Page, server: JupyterServer, chromium: Browser, stage: Stage
) -> None:
    """What happens is seen in both notebooks; what one stops, the other sees stopped."""
    show(stage.cell, "lab.sessions_panel()")
    folder = server.root_dir / "test_two_kernels_share_an_engine"
    shutil.copy(folder / "live.ipynb", folder / "again.ipynb")
    with chromium.new_context(viewport={"width": 1280, "height": 1000}) as context:
        other = context.new_page()
        open_notebook(other, server, f"{folder.name}/again.ipynb")
        run_all(other)
        both = [panel_of(each, "Sessions") for each in (page, other)]
        session_id = str(uuid.uuid4())
        invoke(stage.clients, stage.arn, runtimeSessionId=session_id)
        for panel in both:
            expect(panel.locator("tbody tr .acl-pill")).to_have_text(["Idle"])
        both[1].get_by_role("button", name=f"Stop session {session_id[:8]}").click()
        for panel in both:
            expect(panel.locator("tbody tr .acl-pill")).to_have_text(["Terminated"])


def test_a_kernel_is_restarted_beside_an_open_panel(show: Show, stage: Stage) -> None:
    """The panel says that it has lost its kernel, and stands still; run again, it lives on the same engine."""
    page = show(stage.cell, f"lab.invoke_panel({stage.arn!r})", "print(lab.url)")
    panel = panel_of(page, "Invoke an agent runtime")
    panel.get_by_role("button", name="Send").click()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Idle")
    url = page.locator(".jp-OutputArea-output").last.inner_text()
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notice = panel.locator(".acl-notice")
    expect(notice).to_have_text(re.compile("^No word from the kernel: .* run this cell again"))
    assert_readable(panel)
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    run_all(page)
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Idle")
    panel.get_by_role("button", name="Send").click()
    expect(panel.get_by_role("region", name="Answer")).to_contain_text("Hello!")
    assert page.locator(".jp-OutputArea-output").last.inner_text() == url


def test_tab_completes_names(show: Show, stage: Stage) -> None:
    """Magics, the runtimes of the engine, and options, as a person types them."""
    page = show(stage.cell, "%load_ext agentcore_lab", "0")
    editor = page.locator(".jp-CodeCell .cm-content").last
    editor.click()
    page.keyboard.press("Control+a")
    for typed, offered in (
        ("%inv", "%invoke"),
        (" hel", "%invoke hello_agent"),
        (" --ses", "%invoke hello_agent --session"),
    ):
        page.keyboard.type(typed)
        # Only where there is something to complete does Tab not indent.
        expect(page.locator(".jp-mod-completer-enabled").first).to_be_visible()
        page.keyboard.press("Tab")
        choice = page.locator(".jp-Completer-item")
        expect(choice.first).to_contain_text(offered.rpartition(" ")[2])
        page.keyboard.press("Tab")
        expect(editor).to_have_text(offered)
