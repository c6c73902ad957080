"""The panels on a page that treats them as VS Code's notebooks do, without VS Code.

VS Code 1.139 and its Jupyter extension were seen to do so: `--jp-*` of a light JupyterLab beside `--vscode-*` of the
theme, white under widgets, plain keys taken at the window from what is no text box, the focus given to an output's
first control when nothing in it has it, and an error where a message is sent to a kernel that has gone.
"""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.contrast import assert_readable
from tests.browser.pages import chromium, page
from tests.browser.scripted_panel import open_panel

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.browser

THEMES = {
    "vscode-light": ("#ffffff", "#3b3b3b"),
    "vscode-dark": ("#1f1f1f", "#cccccc"),
    "vscode-high-contrast": ("#000000", "#ffffff"),
    "vscode-high-contrast vscode-high-contrast-light": ("#ffffff", "#292929"),
}
PAGE = """
<style>
  :root {{ --jp-layout-color1: white; --jp-ui-font-color0: black; --jp-ui-font-family: serif;
    --vscode-editor-background: {ground}; --vscode-editor-foreground: {ink}; --vscode-font-family: monospace; }}
  body {{ background: {ground}; }}
  .cell-output-ipywidget-background {{ background: white !important; }}
</style>
<body class="{theme}"><div class="cell-output-ipywidget-background"><div id="output"></div></div>
"""
SHOW = """
async ([state, style, script]) => {
  const sheet = document.head.appendChild(document.createElement("style"));
  sheet.textContent = style;
  const taken = (window.taken = []);
  window.addEventListener("keydown", event => taken.push(event.key));
  const listeners = {};
  const model = {
    get: name => state[name],
    on: (name, call) => (listeners[name] = call),
    off: name => delete listeners[name],
    send(message) {
      if (window.gone) throw new Error("Cannot send");
      if (message.type === "hello") listeners["msg:custom"]({ type: "clock", now: "2026-01-01T00:00:00Z", ahead: 0 });
    },
  };
  const code = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  code.default.render({ model, el: document.getElementById("output") });
}
"""


def shown(page: Page, theme: str = "vscode-dark") -> Locator:
    """An Invoke panel that has not been used."""
    ground, ink = THEMES[theme]
    page.set_content(PAGE.format(theme=theme, ground=ground, ink=ink))
    panel = open_panel()
    try:
        state = panel.get_state()
        page.evaluate(SHOW, [json.loads(json.dumps(state, default=str)), state["_css"], state["_esm"]])
    finally:
        panel.close()
    return page.get_by_role("group", name="Invoke an agent runtime")


@pytest.mark.parametrize("theme", THEMES)
def test_its_theme_is_that_of_vs_code(page: Page, theme: str) -> None:
    """Nothing of the light JupyterLab whose variables are there too, and no white sheet below."""
    panel = shown(page, theme)
    assert_readable(panel)
    ground, ink, font, sheet = panel.evaluate("""panel => {
      const style = getComputedStyle(panel);
      const sheet = getComputedStyle(document.querySelector(".cell-output-ipywidget-background"));
      const hex = colour =>
        "#" + colour.match(/\\d+/g).map(part => Number(part).toString(16).padStart(2, "0")).join("");
      return [hex(style.backgroundColor), hex(style.color), style.fontFamily, sheet.backgroundColor];
    }""")
    assert ((ground, ink), font, sheet) == (THEMES[theme], "monospace", "rgba(0, 0, 0, 0)")
    dark = panel.evaluate("panel => getComputedStyle(panel).colorScheme")
    assert dark == ("dark" if theme in {"vscode-dark", "vscode-high-contrast"} else "light")


def test_vs_code_takes_no_key_from_a_control(page: Page) -> None:
    """`m` on a button would make the cell Markdown, `d d` delete it; what VS Code is called by still reaches it."""
    panel = shown(page)
    for control in (panel.get_by_label("Endpoint"), panel.get_by_role("button", name="Copy as curl")):
        control.focus()
        for key in ("m", "d", "ArrowDown"):
            page.keyboard.press(key)
    assert page.evaluate("window.taken") == []
    for key in ("Control+s", "F1", "Escape"):
        page.keyboard.press(key)
    assert page.evaluate("window.taken.filter(key => key !== 'Control')") == ["s", "F1", "Escape"]


def test_who_sends_keeps_the_place(page: Page) -> None:
    """Send says that it waits, and has the focus all the while; a second click sends nothing."""
    panel = shown(page)
    send = panel.locator(".acl-primary")
    send.click()
    expect(send).to_have_text("Waiting …")
    expect(send).to_be_disabled()
    expect(send).to_be_focused()


def test_a_kernel_that_has_gone_is_told(page: Page) -> None:
    """Where the way to it is closed already, the panel says so at once."""
    panel = shown(page)
    page.evaluate("window.gone = true")
    panel.get_by_role("button", name="New session").click()
    expect(panel.get_by_text("No word from the kernel")).to_be_visible()
