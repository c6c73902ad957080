"""Widgets for notebooks: clients of the engine like any other."""

from __future__ import annotations

from agentcore_lab.panels.answer import Answer, Failure, Figures
from agentcore_lab.panels.invoke import InvokePanel
from agentcore_lab.panels.views import SessionView

__all__ = ["Answer", "Failure", "Figures", "InvokePanel", "SessionView"]
