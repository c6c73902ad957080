"""Fixtures of tests that open a notebook of their own in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.jupyter import JupyterServer, Theme, browser, jupyter_server, open_notebook, run_all

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
        folder = server.root_dir / request.node.name.replace("[", "-").replace("]", "")
        folder.mkdir()
        content = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],  # type: ignore[no-untyped-call]
            metadata={"kernelspec": SPEC},
        )
        (folder / "live.ipynb").write_text(nbformat.writes(content))  # type: ignore[no-untyped-call]
        server.set_theme(theme)
        open_notebook(page, server, f"{folder.name}/live.ipynb")
        run_all(page)
        return page

    return opened
