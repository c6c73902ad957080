"""A progress bar for building an image: which step of how many, and how long it has taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Self

import ipywidgets
from IPython.display import display

from agentcore_lab.clock import stopwatch
from agentcore_lab.images.build import Step

_STYLE = """<style>.acl-build.jupyter-widgets-disconnected::before,
.acl-build .jupyter-widgets-disconnected::before { display: none !important; }
.cell-output-ipywidget-background:has(.acl-build) { background: transparent !important; }
.cell-output-ipywidget-background .acl-build .widget-html-content { color: var(--vscode-editor-foreground); }</style>"""
"""A stored notebook shows a build that is over: nothing is broken, as the icon would say that ipywidgets puts there.
VS Code lays a white sheet and black text under widgets, whatever its theme."""


class BuildProgress(ipywidgets.HBox):
    """One build, told as it goes; as text only its end, so that an executed notebook compares equal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = stopwatch()
        self._bar = ipywidgets.IntProgress(
            min=0, max=1, layout=ipywidgets.Layout(width="180px"), description_allow_html=False
        )
        self._text = ipywidgets.HTML(f"Building {escape(name)} …")
        style = ipywidgets.HTML(_STYLE, layout=ipywidgets.Layout(display="none"))
        super().__init__([self._bar, self._text, style])
        self.add_class("acl-build")

    @classmethod
    @contextmanager
    def shown(cls, name: str) -> Iterator[Self]:
        """Display a bar for the time of a block; an exception turns it red."""
        progress = cls(name)
        display(progress)
        try:
            yield progress
        except BaseException:
            progress._end("danger", "failed")
            raise
        progress._end("success", "ready")

    def step(self, step: Step) -> None:
        """Show the step that begins."""
        self._bar.max = step.total
        self._bar.value = step.number - 1
        self._text.value = f"<b>{escape(self._name)}</b> · {step.number}/{step.total} · {escape(step.text)} …"

    def _end(self, style: str, word: str) -> None:
        self._bar.bar_style = style
        if style == "success":
            self._bar.value = self._bar.max
        self._text.value = f"<b>{escape(self._name)}</b> · {word} in {stopwatch() - self._began:.1f} s"

    def __repr__(self) -> str:
        return f"BuildProgress({self._name!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**(data or {}), "text/plain": repr(self)}
