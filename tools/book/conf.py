"""Sphinx's settings of the book."""

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
