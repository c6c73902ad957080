"""Widgets for notebooks: clients of the engine like any other."""

from __future__ import annotations

from agentcore_lab.panels.answer import Answer, Failure, Figures
from agentcore_lab.panels.dashboard import Dashboard
from agentcore_lab.panels.health import HealthPanel
from agentcore_lab.panels.invoke import InvokePanel
from agentcore_lab.panels.logs import LogsPanel
from agentcore_lab.panels.protocol import ProtocolPanel
from agentcore_lab.panels.sessions import SessionsPanel
from agentcore_lab.panels.versions import VersionsPanel
from agentcore_lab.panels.views import SessionView

__all__ = [
    "Answer",
    "Dashboard",
    "Failure",
    "Figures",
    "HealthPanel",
    "InvokePanel",
    "LogsPanel",
    "ProtocolPanel",
    "SessionView",
    "SessionsPanel",
    "VersionsPanel",
]
