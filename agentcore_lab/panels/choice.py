"""The dashboard as a page of its own: a runtime is chosen, and its panels stand below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import traitlets

from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Source
from agentcore_lab.panels.dashboard import GAP, Dashboard
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.world import Change


class RuntimeChoice(LivePanel):
    """The engine, and its runtimes to choose from; ``chosen`` is an ARN, or empty for all of them."""

    _esm = module("choice.js")
    _css = stylesheet("lab.css", "live.css", "choice.css")

    engine = traitlets.Unicode().tag(sync=True)
    runtimes: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)

    def __init__(self, source: Source, chosen: str, on_choice: Callable[[str], None]) -> None:
        """``on_choice`` is called with an ARN, or with an empty string for all runtimes."""
        self._on_choice = on_choice
        super().__init__(source)
        self._set(chosen=chosen)

    def state(self) -> dict[str, Any]:
        """The engine in words, and every runtime."""
        about = self.world.engine
        words = [about.get("url"), about.get("sandbox"), about.get("region"), about.get("account_id")]
        return {"engine": " · ".join(str(word) for word in words if word), "runtimes": self._runtimes()}

    def words(self, change: Change) -> dict[str, Any]:
        """The runtimes, when one has changed."""
        return {"runtimes": self._runtimes()} if change.runtimes else {}

    def matters(self, change: Change) -> bool:
        """Runtimes alone."""
        return bool(change.runtimes)

    def act(self, message: Mapping[str, Any]) -> Action | None:  # noqa: ARG002 - it acts on nothing
        """Nothing: a choice calls nobody."""
        return None

    def _runtimes(self) -> list[dict[str, str]]:
        told = ("arn", "name", "status", "latestVersion")
        return sorted(
            ({name: each[name] for name in told} for each in self.world.runtimes.values()),
            key=lambda each: each["name"],
        )

    def _on_message(self, widget: Any, message: Any, buffers: Any) -> None:
        match message:
            case {"type": "choose", "arn": str(arn)}:
                self._set(chosen=arn)
                self._on_choice(arn)
            case _:
                super()._on_message(widget, message, buffers)


class DashboardPage(ipywidgets.VBox):
    """A choice of runtime above the panels of what is chosen."""

    def __init__(
        self, source: Source, make: Callable[[str | None], Dashboard], runtime_arn: str | None
    ) -> None:
        """``make`` makes the panels of a runtime, or of all."""
        self._make = make
        self.choice = RuntimeChoice(source, runtime_arn or "", self._show)
        self.dashboard = make(runtime_arn)
        super().__init__([self.choice, self.dashboard], layout=GAP)

    def _show(self, arn: str) -> None:
        before, self.dashboard = self.dashboard, self._make(arn or None)
        self.children = [self.choice, self.dashboard]
        before.close()

    def close(self) -> None:
        """Show nothing any more, and follow nothing."""
        self.choice.close()
        self.dashboard.close()
        super().close()

    def __repr__(self) -> str:
        return repr(self.dashboard)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**(bundle or {}), "text/plain": repr(self)}
