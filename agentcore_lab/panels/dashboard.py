"""All panels of a runtime, or of all runtimes, one below the other."""

from __future__ import annotations

from typing import Any

import ipywidgets

from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.health import HealthPanel
from agentcore_lab.panels.invoke import InvokePanel
from agentcore_lab.panels.logs import LogsPanel
from agentcore_lab.panels.protocol import ProtocolPanel
from agentcore_lab.panels.sessions import SessionsPanel
from agentcore_lab.panels.versions import VersionsPanel

GAP = {"grid_gap": "12px"}
"""Between panels; flexible boxes go by it too."""


class Dashboard(ipywidgets.VBox):
    """The panels together; each of them is an attribute, and works as it does alone."""

    def __init__(
        self, source: Source, runtime_arn: str | None = None, invoke: InvokePanel | None = None
    ) -> None:
        """Panels of one runtime, or of all; ``invoke`` goes first, where there is one.

        ``protocol`` is shown for a runtime that speaks MCP or A2A, and None where the panels are of all runtimes.
        """
        self.invoke = invoke
        self.sessions = SessionsPanel(source, runtime_arn)
        self.versions = VersionsPanel(source, runtime_arn)
        self.health = HealthPanel(source, runtime_arn)
        self.logs = LogsPanel(source, runtime_arn)
        self.protocol = ProtocolPanel(source, runtime_arn) if runtime_arn else None
        # Only what speaks a protocol of its own has something to explore.
        spoken = self.protocol if self.protocol and self.protocol.protocol in {"MCP", "A2A"} else None
        panels = [invoke, spoken, self.sessions, self.versions, self.health, self.logs]
        super().__init__([panel for panel in panels if panel is not None], layout=GAP)

    def close(self) -> None:
        """Show nothing any more, and follow nothing."""
        for panel in {*self.children, self.protocol} - {None}:
            panel.close()
        super().close()

    def __repr__(self) -> str:
        return f"Dashboard({', '.join(repr(panel) for panel in self.children)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**(bundle or {}), "text/plain": repr(self)}
