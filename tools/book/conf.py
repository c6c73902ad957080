"""Sphinx's settings of the book."""

from pathlib import Path
from typing import Any

from tools.book.mermaid import IMPORT_MAP, SCRIPT, VERSION

project = "agentcore-lab"
author = "the authors of agentcore-lab"
extensions = ["myst_nb", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = "agentcore-lab"
nb_execution_mode = "off"  # the labs have run: what they printed is stored in them
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
suppress_warnings = ["mystnb.mime_priority", "myst.header", "misc.highlighting_failure"]
mermaid_version = VERSION
mermaid_height = "auto"
mermaid_fullscreen = False
html_static_path = [SCRIPT] if Path(__file__).with_name(SCRIPT).exists() else []


def setup(app: Any) -> None:
    """Where the book has a Mermaid of its own, its pages use that."""
    if html_static_path:
        app.add_js_file(SCRIPT, priority=100)
        app.add_js_file(None, body=IMPORT_MAP, type="importmap", priority=100)
