"""A real JupyterLab, driven by a real browser."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

Theme = Literal["light", "dark"]

# The first load of JupyterLab on a small machine takes seconds; a lab's kernel may build an image.
START_SECONDS = 180
LOAD_MS = 180_000
# What an expectation waits for on the page, where a busy machine may be slow.
EXPECT_MS = 60_000
# JupyterLab loses a Run that is asked for while the page is still connecting to its kernel.
STARTED_MS = 20_000
RUN_ATTEMPTS = 3

# Asked of the application: a narrow page hides the toolbar's indicator, and a Run is lost before this holds.
_CONNECTED = """
async path => {
  if (!window.jupyterapp) return false;
  await window.jupyterapp.restored;
  const { context } = window.jupyterapp.shell.currentWidget ?? {};
  const kernel = context?.sessionContext.session?.kernel;
  return context?.path === path && context.isReady && context.sessionContext.isReady
    && kernel?.connectionStatus === "connected" && kernel.status === "idle";
}
"""

_SETTINGS = "@jupyterlab/apputils-extension"


@dataclass(frozen=True)
class JupyterServer:
    """A running JupyterLab without a token, its notebooks and its settings in temporary folders."""

    url: str
    root_dir: Path
    settings_dir: Path

    def set_theme(self, theme: Theme) -> None:
        """The theme of pages opened from now on."""
        name = "JupyterLab Light" if theme == "light" else "JupyterLab Dark"
        self._set("themes", {"theme": name, "adaptive-theme": False})

    def be_quiet(self) -> None:
        """No news, no look for updates: they cover the page and need the Internet."""
        self._set("notification", {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True})

    def render_every_cell(self) -> None:
        """Keep cells outside the window in the page, so that a test sees all of a long notebook."""
        file = self.settings_dir / "@jupyterlab/notebook-extension" / "tracker.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"windowingMode": "none"}))

    def _set(self, plugin: str, values: Mapping[str, object]) -> None:
        file = self.settings_dir / _SETTINGS / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


@contextmanager
def jupyter_server(
    root_dir: Path, env: Mapping[str, str] | None = None, *, scratch: Path, program: str = "jupyterlab"
) -> Iterator[JupyterServer]:
    """JupyterLab on a free port of this machine, until the context ends.

    Args:
        program: ``notebook`` is Notebook 7 in its place.
        root_dir: where notebooks are opened from.
        env: variables added to the server's environment, and so to its kernels'.
        scratch: a temporary folder for settings, workspaces and the server's log.

    Raises:
        RuntimeError: it ended or did not answer; the message ends with its log.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = JupyterServer(f"http://127.0.0.1:{port}", root_dir, scratch / "settings")
    server.be_quiet()
    server.set_theme("light")
    own = {
        "JUPYTER_CONFIG_DIR": scratch / "config",
        "JUPYTER_DATA_DIR": scratch / "data",
        "JUPYTER_RUNTIME_DIR": scratch / "runtime",
        "JUPYTERLAB_WORKSPACES_DIR": scratch / "workspaces",
        "IPYTHONDIR": scratch / "ipython",
        "JUPYTER_PLATFORM_DIRS": "1",
        **(env or {}),
    }
    command = [
        *("env", *(f"{name}={value}" for name, value in own.items())),
        *(sys.executable, "-m", program, "--no-browser", "--allow-root"),
        *(f"--port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"),
        *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
        *(f"--ServerApp.root_dir={root_dir}", f"--LabApp.user_settings_dir={server.settings_dir}"),
        *("--LabApp.news_url=", "--expose-app-in-browser"),
    ]
    log = scratch / "jupyter.log"
    with log.open("w") as sink, subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT) as process:
        try:
            _wait_until_up(server.url, process, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless; Playwright's own where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=quiet)
        try:
            yield opened
        finally:
            opened.close()


def open_notebook(page: Page, server: JupyterServer, path: str) -> None:
    """Open one notebook and wait until its kernel can run cells; its metadata must name the kernel."""
    # A slow machine's splash asks whether to give up.
    page.add_locator_handler(page.get_by_role("button", name="Keep Waiting"), _keep_waiting)
    first = page.locator(".jp-Notebook .jp-Cell").first
    # Chromium drops its requests when the machine gets a network interface, such as a container's.
    failed = page.get_by_role("dialog", name="Load Error")
    for _ in range(RUN_ATTEMPTS):
        page.goto(f"{server.url}/lab/tree/{quote(path)}?reset", timeout=LOAD_MS)
        expect(first.or_(failed).first).to_be_visible(timeout=LOAD_MS)
        if failed.count() == 0:
            wait_for_kernel(page, path)
        if failed.count() == 0:
            return
    raise AssertionError(f"{path} does not load: {failed.first.inner_text()}")


def _keep_waiting(button: Locator) -> None:
    """Click it, unless the splash has gone by itself meanwhile."""
    with suppress(PlaywrightTimeoutError):
        button.click(timeout=2_000)


def wait_for_kernel(page: Page, path: str) -> None:
    """Wait until the kernel of the notebook that is shown can run cells."""
    page.wait_for_function(_CONNECTED, arg=path, polling=200, timeout=LOAD_MS)


def run_all(page: Page, timeout_ms: float = LOAD_MS) -> None:
    """Run every cell afresh and wait until the last code cell is done; a cell's error fails the test."""
    dialog = page.locator(".jp-Dialog")
    assert dialog.count() == 0, f"JupyterLab asks: {dialog.first.inner_text()}"
    page.locator(".jp-Notebook").first.click(position={"x": 4, "y": 4})
    # A stored notebook's numbers would look like cells that have run.
    choose(page, "Edit", "Clear Outputs of All Cells")
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    for _ in range(RUN_ATTEMPTS):
        choose(page, "Run", "Run All Cells")
        if comes(prompts.filter(has_not_text="[ ]").first):
            break
    expect(prompts.filter(has_text="[ ]")).to_have_count(0, timeout=timeout_ms)
    expect(prompts.filter(has_text="[*]")).to_have_count(0, timeout=timeout_ms)
    raised = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")
    assert raised.count() == 0, raised.first.inner_text()


def comes(found: Locator) -> bool:
    """Whether it is there within a few seconds."""
    try:
        found.wait_for(timeout=STARTED_MS)
    except PlaywrightTimeoutError:
        return False
    return True


def choose(page: Page, menu: str, item: str) -> None:
    """Click an entry of the main menu."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    pause = threading.Event()
    for _ in range(START_SECONDS * 5):
        if process.poll() is not None:
            break
        try:
            with urlopen(f"{url}/api/status", timeout=2) as answer:
                if answer.status == HTTPStatus.OK:
                    return
        except (URLError, TimeoutError, ConnectionError):
            pause.wait(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
