"""Fixtures of tests that open a notebook of their own in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page

from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import leave_note
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from tests.browser.jupyter import JupyterServer, Theme, browser, jupyter_server, open_notebook, run_all
from tests.conftest import HELLO, Clients, clients_of
from tests.runtime.test_control_plane import create, settled

ROOT = Path(__file__).parents[2]
SPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A JupyterLab whose kernels can import the tests."""
    scratch = tmp_path_factory.mktemp("jupyter")
    root_dir = scratch / "notebooks"
    root_dir.mkdir()
    with jupyter_server(root_dir, {"PYTHONPATH": str(ROOT)}, scratch=scratch) as running:
        running.render_every_cell()
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page on which no script may fail."""
    failures: list[str] = []
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    page.close()
    assert failures == []


@pytest.fixture
def show(page: Page, server: JupyterServer, request: pytest.FixtureRequest) -> Show:
    """Open a notebook of this test alone, with the cells given, and run it."""

    def opened(*cells: str, theme: Theme = "light") -> Page:
        notebook = write_notebook(folder_of(server, request), *cells)
        server.set_theme(theme)
        open_notebook(page, server, notebook.relative_to(server.root_dir).as_posix())
        run_all(page)
        return page

    return opened


def folder_of(server: JupyterServer, request: pytest.FixtureRequest) -> Path:
    """Where the server has the notebooks of this test alone."""
    folder: Path = server.root_dir / request.node.name.replace("[", "-").replace("]", "")
    folder.mkdir(exist_ok=True)
    return folder


def write_notebook(folder: Path, *cells: str) -> Path:
    """A notebook of these cells in ``folder``."""
    content = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],  # type: ignore[no-untyped-call]
        metadata={"kernelspec": SPEC},
    )
    path = folder / "live.ipynb"
    path.write_text(nbformat.writes(content))  # type: ignore[no-untyped-call]
    return path


@dataclass(frozen=True)
class Stage:
    """An engine with one runtime, ``hello_agent``, its data directory, and the cell that finds it."""

    clients: Clients
    arn: str
    data_dir: Path

    @property
    def cell(self) -> str:
        """What a notebook begins with."""
        return f"from agentcore_lab import Lab\nlab = Lab(data_dir={str(self.data_dir)!r})"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An engine that notebooks find by its data directory."""
    folder = tmp_path_factory.mktemp("engine")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    backend = ScriptedBackend()
    backend.add(HELLO)
    with engine_in_thread(settings, backend, SystemClock()) as engine:
        leave_note(engine)
        clients = clients_of(engine.url)
        arn = settled(clients, create(clients)["agentRuntimeId"])["agentRuntimeArn"]
        yield Stage(clients, arn, settings.data_dir)
