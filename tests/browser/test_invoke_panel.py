"""The Invoke panel as a person meets it: real JupyterLab, real kernel, a scripted engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.contrast import assert_readable
from tests.browser.jupyter import JupyterServer, Theme, open_notebook, run_all
from tests.browser.pages import chromium, folder_of, page, server, write_notebook

__all__ = ["chromium", "page", "server"]

pytestmark = pytest.mark.browser

OPEN = "from tests.browser.scripted_panel import open_panel\npanel = open_panel()\npanel"


@pytest.fixture
def notebook(server: JupyterServer, request: pytest.FixtureRequest) -> str:
    """A notebook of this test alone that shows a panel."""
    path = write_notebook(folder_of(server, request), OPEN)
    return path.relative_to(server.root_dir).as_posix()


def opened(page: Page, server: JupyterServer, notebook: str, theme: Theme = "light") -> Locator:
    """The panel of a notebook that has just been run."""
    server.set_theme(theme)
    open_notebook(page, server, notebook)
    run_all(page)
    panel = page.get_by_role("group", name="Invoke an agent runtime")
    expect(panel).to_be_visible()
    return panel


def layout(panel: Locator) -> object:
    """Where everything that was there before the answer lies within the panel, wherever the page is scrolled."""
    return panel.evaluate(
        """panel => {
          const { x, y } = panel.getBoundingClientRect();
          return [panel, ...panel.querySelectorAll(".acl-bar, .acl-prompt, .acl-actions, .acl-body, .acl-turns")]
            .map(node => node.getBoundingClientRect())
            .map(box => [box.x - x, box.y - y, box.width, box.height].map(Math.round));
        }"""
    )


def write(panel: Locator, prompt: str) -> Locator:
    """Put a prompt in the box; nothing is sent."""
    box = panel.get_by_label("Prompt", exact=True)
    box.fill(prompt)
    return box


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_person_talks_to_an_agent(
    page: Page, server: JupyterServer, notebook: str, theme: Theme, tmp_path: Path
) -> None:
    """Type, click Send, see what is waited for, then the answer beside its figures; nothing jumps."""
    panel = opened(page, server, notebook, theme)
    expect(panel.get_by_text("The agent's answer will appear here.")).to_be_visible()
    laid_out = layout(panel)
    panel.screenshot(path=tmp_path / "1-empty.png")
    assert_readable(panel)

    write(panel, "slow")
    panel.get_by_role("button", name="Send").click()
    expect(panel.get_by_text("Starting a sandbox for this session …")).to_be_visible()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Provisioning")
    panel.screenshot(path=tmp_path / "2-waiting.png")
    assert_readable(panel)

    (server.root_dir / notebook).with_name("go").touch()
    expect(panel.get_by_role("region", name="Answer")).to_contain_text('"result": "You said: slow"')
    expect(panel.locator(".acl-value").nth(0)).not_to_have_text("–")
    expect(panel.locator(".acl-value").nth(1)).to_have_text("3.24 s")
    expect(panel.locator(".acl-value").nth(2)).to_have_text("12 ms")
    expect(panel.locator(".acl-value").nth(4)).not_to_have_text("–")
    expect(panel.get_by_text("aarch64 (ARM64) · version 2 · docker sandbox")).to_be_visible()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Idle")
    panel.screenshot(path=tmp_path / "3-answer.png")
    assert_readable(panel)
    assert layout(panel) == laid_out


def test_an_idle_session_counts_down(page: Page, server: JupyterServer, notebook: str) -> None:
    """When the session ends is said to the second, and the second passes."""
    panel = opened(page, server, notebook)
    panel.get_by_role("button", name="Send").click()
    left = panel.locator(".acl-next")
    expect(left).to_have_text(re.compile(r"^ends in 14:\d\d unless invoked$"))
    first = left.inner_text()
    expect(left).not_to_have_text(first)
    expect(left).to_have_text(re.compile(r"^ends in 14:\d\d unless invoked$"))
    assert left.inner_text() < first


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_failure_is_told_in_sentences(
    page: Page, server: JupyterServer, notebook: str, theme: Theme, tmp_path: Path
) -> None:
    """Cause and mend at once, AWS's code and the log folded; Ctrl+Enter sends and runs no cell."""
    panel = opened(page, server, notebook, theme)
    write(panel, "crash").press("Control+Enter")
    answer = panel.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("The container ended, or did not become healthy in time")
    expect(answer).to_contain_text("Read the log below")
    expect(answer.get_by_text("No module named 'strands'")).to_be_hidden()
    answer.locator("summary").click()
    expect(answer.get_by_text("No module named 'strands'")).to_be_visible()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Terminated")
    expect(panel.locator(".acl-next")).to_have_text("start failed; the next message starts a fresh sandbox")
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    panel.screenshot(path=tmp_path / "failure.png")
    assert_readable(panel)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_a_file_is_uploaded_and_sent(
    page: Page, server: JupyterServer, notebook: str, theme: Theme, tmp_path: Path
) -> None:
    """Several pieces, a bar meanwhile; it goes out for a user beside the prompt, then as the payload itself."""
    panel = opened(page, server, notebook, theme)
    picture = {"name": "lake.png", "mimeType": "image/png", "buffer": b"PNG" * 2_000_000}
    panel.locator("input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
    expect(panel.locator(".acl-chip")).to_contain_text("lake.png6.0 MB image/png")
    panel.get_by_label("Call", exact=True).select_option("for a user")
    panel.get_by_label("User id").fill("ada")
    write(panel, "What is it?").press("Control+Enter")
    answer = panel.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("You said: What is it?")
    expect(panel.locator(".acl-question")).to_have_text("What is it? + lake.png")
    expect(panel.locator(".acl-facts")).to_contain_text("as user ada")
    panel.screenshot(path=tmp_path / f"file-{theme}.png")
    assert_readable(panel)
    panel.get_by_label("How the file is sent").select_option("as the payload itself")
    expect(panel.get_by_text("The file is the payload; the prompt stays here")).to_be_visible()
    panel.get_by_role("button", name="Copy as curl").click()
    expect(panel.get_by_role("dialog")).to_contain_text("--data-binary @lake.png")
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="Remove the file").press("Enter")
    expect(panel.get_by_role("button", name="Attach a file")).to_be_focused()


@pytest.mark.long
def test_a_file_that_is_dropped_is_taken(page: Page, server: JupyterServer, notebook: str) -> None:
    """On the prompt; one that no payload can hold is refused at once."""
    panel = opened(page, server, notebook)
    drop = """(node, [name, size]) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(size)], name));
      node.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
    }"""
    box = panel.get_by_label("Prompt", exact=True)
    box.evaluate(drop, ["notes.txt", 2000])
    expect(panel.locator(".acl-chip")).to_contain_text("notes.txt2 KB text/plain")
    panel.get_by_role("button", name="Remove the file").click()
    box.evaluate(drop, ["film.mp4", 100_000_001])
    expect(panel.get_by_role("alert")).to_have_text("▲ film.mp4 has 100.0 MB; a payload has 100 MB at most.")


def test_sessions_are_walked_by_keyboard(page: Page, server: JupyterServer, notebook: str) -> None:
    """Each session keeps its own talk; arrow keys move between sessions, Enter on a turn shows it again."""
    panel = opened(page, server, notebook)
    answer = panel.get_by_role("region", name="Answer")
    for prompt in ("one", "two"):
        write(panel, prompt).press("Control+Enter")
        expect(answer).to_contain_text(f"You said: {prompt}")
    first = panel.get_by_role("radio", checked=True).get_attribute("value")
    panel.get_by_role("button", name="New session").press("Enter")
    expect(answer).to_contain_text("The agent's answer will appear here.")
    write(panel, "three").press("Control+Enter")
    expect(answer).to_contain_text("You said: three")

    panel.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowDown")
    expect(panel.get_by_role("radio", checked=True)).to_have_attribute("value", str(first))
    expect(answer).to_contain_text("You said: two")
    panel.get_by_role("button", name="one").press("Enter")
    expect(answer).to_contain_text("You said: one")
    expect(panel.get_by_role("button", name="one")).to_be_focused()


def test_the_code_can_be_copied(page: Page, server: JupyterServer, notebook: str) -> None:
    """What is on the sheet is on the clipboard; Escape puts the reader back where they were."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = opened(page, server, notebook)
    write(panel, "copy me")
    button = panel.get_by_role("button", name="Copy as boto3")
    button.click()
    sheet = panel.get_by_role("dialog")
    expect(sheet).to_contain_text("✓ Copied as boto3")
    code = sheet.locator("pre").inner_text()
    assert "payload=json.dumps({\"prompt\": 'copy me'})" in code
    assert page.evaluate("navigator.clipboard.readText()") == code
    assert_readable(panel)
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(button).to_be_focused()


def test_a_stopped_session_says_so(page: Page, server: JupyterServer, notebook: str) -> None:
    """Stop asks the engine, and the panel shows what came of it."""
    panel = opened(page, server, notebook)
    panel.get_by_role("button", name="Send").click()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Idle")
    panel.get_by_role("button", name="Stop session").click()
    expect(panel.locator(".acl-bar .acl-pill")).to_have_text("Terminated")
    expect(panel.get_by_text("The session was stopped.")).to_be_visible()


def test_a_page_opened_again_shows_where_things_stood(
    page: Page, server: JupyterServer, notebook: str
) -> None:
    """The kernel still holds the panel: its last answer is there without a word being sent."""
    panel = opened(page, server, notebook)
    write(panel, "remember").press("Control+Enter")
    answer = panel.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("You said: remember")
    page.keyboard.press("Escape")
    page.locator(".jp-Notebook").first.click(position={"x": 4, "y": 4})
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    open_notebook(page, server, notebook)
    expect(answer).to_contain_text("You said: remember")


def test_it_fits_a_narrow_page(page: Page, server: JupyterServer, notebook: str, tmp_path: Path) -> None:
    """Beside a side bar or on a small screen the rail lies above, and nothing is cut off."""
    panel = opened(page, server, notebook)
    page.set_viewport_size({"width": 760, "height": 1000})
    write(panel, "Hello").press("Control+Enter")
    expect(panel.get_by_role("region", name="Answer")).to_contain_text("You said: Hello")
    panel.screenshot(path=tmp_path / "narrow.png")
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    rail, box = (
        panel.locator(".acl-rail").bounding_box(),
        panel.get_by_label("Prompt", exact=True).bounding_box(),
    )
    assert rail
    assert box
    assert rail["y"] + rail["height"] <= box["y"]
