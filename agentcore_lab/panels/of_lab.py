"""The live panels, as methods of what a notebook starts with."""

from __future__ import annotations

from abc import ABC, abstractmethod

from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.choice import DashboardPage
from agentcore_lab.panels.dashboard import Dashboard
from agentcore_lab.panels.health import HealthPanel
from agentcore_lab.panels.invoke import InvokePanel
from agentcore_lab.panels.logs import LogsPanel
from agentcore_lab.panels.protocol import ProtocolPanel
from agentcore_lab.panels.sessions import SessionsPanel
from agentcore_lab.panels.versions import VersionsPanel


class Panels(ABC):
    """Every panel, of one runtime or of all, fed by the engine that ``_source`` names."""

    @property
    @abstractmethod
    def _source(self) -> Source: ...

    def invoke_panel(
        self,
        runtime_arn: str,
        *,
        qualifier: str = "DEFAULT",
        prompt: str = "Hello!",
        user_id: str = "",
        token: str = "",
    ) -> InvokePanel:
        """Live: talk to an agent runtime; prompt or file, sessions, answer, and the numbers that matter.

        ``user_id`` invokes on behalf of a user, ``token`` with that instead of a signature.
        """
        return InvokePanel(
            self._source, runtime_arn, qualifier=qualifier, prompt=prompt, user_id=user_id, token=token
        )

    def sessions_panel(self, runtime_arn: str | None = None) -> SessionsPanel:
        """Live: every session of a runtime, or of all; what each does, what happens next and when."""
        return SessionsPanel(self._source, runtime_arn)

    def versions_panel(self, runtime_arn: str | None = None) -> VersionsPanel:
        """Live: versions as a time line, endpoints as flags on it; compare, move, roll back."""
        return VersionsPanel(self._source, runtime_arn)

    def health_panel(self, runtime_arn: str | None = None) -> HealthPanel:
        """Live: health checks as a time line, what is due when, and the engine's clock to be set ahead."""
        return HealthPanel(self._source, runtime_arn)

    def logs_panel(self, runtime_arn: str | None = None) -> LogsPanel:
        """Live: what an agent writes as it writes it, and where the time of each invocation went."""
        return LogsPanel(self._source, runtime_arn)

    def protocol_panel(self, runtime_arn: str, *, qualifier: str = "DEFAULT") -> ProtocolPanel:
        """An MCP server's tools with forms from their schemas, or an A2A agent's card."""
        return ProtocolPanel(self._source, runtime_arn, qualifier=qualifier)

    def dashboard(self, runtime_arn: str | None = None) -> Dashboard:
        """All panels of a runtime, or of all, one below the other."""
        invoke = self.invoke_panel(runtime_arn) if runtime_arn else None
        return Dashboard(self._source, runtime_arn, invoke)

    def dashboard_page(self, runtime_arn: str | None = None) -> DashboardPage:
        """The dashboard under a choice of runtime, as ``agentcore-lab dashboard`` shows it."""
        return DashboardPage(self._source, self.dashboard, runtime_arn)
