"""The live panels as a person meets them: real JupyterLab, real kernel, a real engine on scripted agents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.contrast import assert_readable
from tests.browser.jupyter import Theme
from tests.browser.pages import Show, chromium, page, server, show

__all__ = ["chromium", "page", "server", "show"]

pytestmark = pytest.mark.browser

OPEN = """
from agentcore_lab.panels import LogsPanel, ProtocolPanel
from tests.browser.scripted_live import A2A_AGENT, MCP_SERVER, open_lab
from tests.runtime.test_control_plane import settled, update
lab = open_lab()
arn = lab.runtime()
runtime = arn.rpartition("/")[2]
"""
SESSIONS = "from agentcore_lab.panels import SessionsPanel\nSessionsPanel(lab.source)"
VERSIONS = "from agentcore_lab.panels import VersionsPanel\nVersionsPanel(lab.source)"
HEALTH = "from agentcore_lab.panels import HealthPanel\nHealthPanel(lab.source)"
BOTH = pytest.mark.parametrize("theme", ["light", "dark"])


def panel_of(page: Page, name: str) -> Locator:
    """A panel by what a screen reader calls it."""
    panel = page.get_by_role("group", name=name, exact=True)
    expect(panel).to_be_visible()
    return panel


@BOTH
def test_sessions_are_watched_and_stopped(show: Show, theme: Theme, tmp_path: Path) -> None:
    """A row a session; it counts down, its sandbox's use is drawn, and Stop ends it with the reason."""
    page = show(OPEN + "ids = lab.talk(arn, 3)\n", SESSIONS, theme=theme)
    panel = panel_of(page, "Sessions")
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(3)
    left = rows.first.locator(".acl-coming")
    expect(left).to_have_text(re.compile(r"^ends in 14:\d\d unless invoked$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    expect(rows.first).to_contain_text(re.compile(r"\d % CPU"))
    expect(rows.first.get_by_role("img")).to_have_attribute("aria-label", re.compile("Healthy after"))
    rows.first.get_by_role("button", name=re.compile("^Stop session")).press("Enter")
    expect(rows.locator(".acl-pill")).to_have_text(["Idle", "Idle", "Terminated"])
    expect(rows.last).to_contain_text("StopRuntimeSession ended it.")
    expect(panel.locator(".acl-live-notice")).to_have_text(re.compile(r"^Session [0-9a-f]{8} was stopped\.$"))
    panel.screenshot(path=tmp_path / f"sessions-{theme}.png")
    assert_readable(panel)
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_a_session_is_seen_while_it_starts_and_works(show: Show) -> None:
    """What happens elsewhere appears by itself: a new session, Active while it answers, then Idle."""
    page = show(
        OPEN,
        SESSIONS,
        "import threading, uuid\n"
        "threading.Thread(target=lab.invoke, args=(arn, str(uuid.uuid4()), b'wait'), daemon=True).start()",
    )
    panel = panel_of(page, "Sessions")
    expect(panel.locator("tbody .acl-pill")).to_have_text(["Active"])
    expect(panel.locator(".acl-coming")).to_have_text(re.compile("^answers 1 call; ends in 7:59:"))


@BOTH
def test_an_endpoint_is_made_moved_and_rolled_back(show: Show, theme: Theme, tmp_path: Path) -> None:
    """By keyboard and click; the flag stands where it serves, and what has moved is told."""
    page = show(
        OPEN
        + "update(lab.clients, runtime, environmentVariables={'GREETING': 'Moin'}, description='says moin')\n"
        "settled(lab.clients, runtime)\n",
        VERSIONS,
        theme=theme,
    )
    panel = panel_of(page, "Versions and endpoints")
    versions = panel.locator(".acl-version")
    expect(versions.first).to_contain_text("⚑ DEFAULT")
    panel.get_by_label("Name of a new endpoint").fill("prod")
    panel.get_by_role("button", name="Create prod on version 2").press("Enter")
    expect(versions.first).to_contain_text("⚑ prod")
    panel.get_by_role("button", name="Roll prod back here").click()
    expect(versions.nth(1)).to_contain_text("⚑ prod")
    expect(panel.locator(".acl-history")).to_contain_text("Endpoint prod")
    panel.get_by_role("button", name="Show differences").click()
    differences = panel.get_by_role("region", name="Differences")
    expect(differences).to_contain_text("environmentVariables.GREETING")
    expect(differences).to_contain_text('"Moin"')
    panel.screenshot(path=tmp_path / f"versions-{theme}.png")
    assert_readable(panel)
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")


@BOTH
def test_time_is_hurried_and_what_was_due_happens(show: Show, theme: Theme, tmp_path: Path) -> None:
    """What happens next is listed with its time; a jump there makes it happen."""
    page = show(OPEN + "lab.talk(arn, 2)\n", HEALTH, theme=theme)
    panel = panel_of(page, "Health and clock")
    due = panel.locator(".acl-upcoming li")
    expect(due).to_have_count(2)
    expect(due.first).to_contain_text(re.compile(r"in 14:\d\d"))
    expect(panel.locator("tbody tr").first).to_contain_text("Healthy")
    panel.screenshot(path=tmp_path / f"health-{theme}.png")
    assert_readable(panel)
    panel.get_by_role("button", name="Set the engine's clock ahead by 5 min").click()
    expect(panel.locator(".acl-time-row")).to_contain_text("5:00 ahead of the machine")
    expect(due.first).to_contain_text(re.compile(r"in 9:\d\d"))
    due.last.get_by_role("button", name="Jump there").click()
    expect(panel).to_contain_text("Nothing is due: no session lives.")


@BOTH
def test_a_log_is_filtered_and_invocations_are_drawn(show: Show, theme: Theme, tmp_path: Path) -> None:
    """The tail of the chosen session, only lines that have a word, and a bar an invocation with its parts in words."""
    page = show(
        OPEN + "panel = LogsPanel(lab.source)\nids = lab.talk(arn, 1)\n",
        "panel",
        "lab.invoke(arn, ids[0])",
        theme=theme,
    )
    panel = panel_of(page, "Logs and trace")
    log = panel.get_by_role("log")
    expect(log.locator("code")).to_have_text(["agent: ready", "agent: hello"])
    panel.get_by_label("Only lines with").fill("HELLO")
    expect(log.locator("code")).to_have_text(["agent: hello"])
    expect(log.locator("mark")).to_have_text("hello")
    expect(panel.locator(".acl-log-tools")).to_contain_text("1 of 2 lines")
    calls = panel.locator(".acl-call")
    expect(calls).to_have_count(2)
    parts = calls.last.get_by_role("img")
    expect(parts).to_have_attribute("aria-label", re.compile(r"^wire .*, sandbox start .*, agent "))
    panel.screenshot(path=tmp_path / f"logs-{theme}.png")
    assert_readable(panel)


@BOTH
def test_a_tool_is_called_by_its_form(show: Show, theme: Theme, tmp_path: Path) -> None:
    """List, walk by arrow key, fill in what the schema asks for, call; what is missing is said before it is sent."""
    page = show(
        OPEN
        + "mcp = lab.runtime('calculator', uri=MCP_SERVER, protocolConfiguration={'serverProtocol': 'MCP'})\n",
        "ProtocolPanel(lab.source, mcp)",
        theme=theme,
    )
    panel = panel_of(page, "Protocol")
    panel.get_by_role("button", name="List tools").press("Enter")
    expect(panel.get_by_role("listbox", name="Tools").get_by_role("option")).to_have_count(2)
    panel.get_by_role("button", name="Call add", exact=True).click()
    expect(panel.get_by_role("alert")).to_have_text("a is required.")
    panel.get_by_label("a required", exact=True).fill("40")
    expect(panel.get_by_label("b", exact=True)).to_have_value("2")
    panel.get_by_label("more", exact=True).fill("[1, 2]")
    panel.get_by_role("button", name="Call add", exact=True).click()
    result = panel.get_by_role("region", name="Result")
    expect(result.locator(".acl-result-text")).to_have_text("45")
    panel.screenshot(path=tmp_path / f"mcp-{theme}.png")
    assert_readable(panel)
    panel.get_by_role("listbox", name="Tools").press("ArrowDown")
    panel.get_by_role("button", name="Call fail", exact=True).click()
    expect(result).to_contain_text("fail failed")
    assert_readable(panel)


@BOTH
def test_an_agents_card_is_viewed(show: Show, theme: Theme, tmp_path: Path) -> None:
    """Name, what it can, skills with their tags, and the card as it is."""
    page = show(
        OPEN
        + "a2a = lab.runtime('reader', uri=A2A_AGENT, protocolConfiguration={'serverProtocol': 'A2A'})\n",
        "ProtocolPanel(lab.source, a2a)",
        theme=theme,
    )
    panel = panel_of(page, "Protocol")
    panel.get_by_role("button", name="Read the agent card").click()
    card = panel.get_by_role("region", name="Agent card")
    expect(card).to_contain_text("Counts words.")
    card.get_by_text("The whole card").click()
    expect(card.locator("pre")).to_contain_text('"pushNotifications": false')
    panel.screenshot(path=tmp_path / f"card-{theme}.png")
    assert_readable(panel)


def test_an_engine_that_is_started_again_is_said_and_followed(show: Show) -> None:
    """The panel says that the engine does not answer, and goes on by itself when it is back."""
    page = show(
        OPEN + "lab.talk(arn, 1)\n", SESSIONS, "lab.stop()", "import time\ntime.sleep(3)\nlab.start()"
    )
    panel = panel_of(page, "Sessions")
    expect(panel.locator(".acl-live-notice")).to_have_text(
        "The engine was started again: sessions of before have ended."
    )
    expect(panel).to_contain_text("No sessions yet")


def test_the_call_behind_a_button_can_be_copied(show: Show) -> None:
    """The sheet shows the program, the clipboard holds it, Escape leads back."""
    page = show(OPEN + "lab.talk(arn, 1)\n", SESSIONS)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = panel_of(page, "Sessions")
    button = panel.get_by_role("button", name="Copy as boto3: stop this session")
    button.click()
    sheet = panel.get_by_role("dialog")
    expect(sheet).to_contain_text("client.stop_runtime_session(")
    assert page.evaluate("navigator.clipboard.readText()") == sheet.locator("pre").inner_text()
    assert_readable(sheet)
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_page_opened_again_shows_where_things_stand(show: Show) -> None:
    """The kernel still holds the panel: its rows are there, and they live."""
    page = show(OPEN + "lab.talk(arn, 2)\n", SESSIONS)
    panel = panel_of(page, "Sessions")
    expect(panel.locator("tbody tr")).to_have_count(2)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    page.reload()
    expect(panel.locator("tbody tr")).to_have_count(2, timeout=180_000)
    left = panel.locator(".acl-coming").first
    before = left.inner_text()
    expect(left).not_to_have_text(before)
