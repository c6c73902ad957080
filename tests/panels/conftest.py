from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from agentcore_lab.panels import InvokePanel
from tests.panels.scripted import ARN, ScriptedEngine

Until = Callable[[InvokePanel, str, Callable[[Any], bool]], Any]


@pytest.fixture
def engine() -> ScriptedEngine:
    """An engine to script."""
    return ScriptedEngine()


@pytest.fixture
def panel(engine: ScriptedEngine) -> InvokePanel:
    """A panel on that engine."""
    return InvokePanel(engine.source, ARN)


@pytest.fixture
def until() -> Until:
    """Wait until a trait of a panel is as wanted, however long the thread that sets it takes."""

    def wait(panel: InvokePanel, name: str, wanted: Callable[[Any], bool]) -> Any:
        seen = threading.Event()

        def look(_change: Any = None) -> None:
            if wanted(getattr(panel, name)):
                seen.set()

        panel.observe(look, name)
        look()
        assert seen.wait(60), f"{name} stayed {getattr(panel, name)!r}"
        panel.unobserve(look, name)
        return getattr(panel, name)

    return wait


@pytest.fixture
def click() -> Callable[..., None]:
    """What the browser's script sends when a person acts."""

    def message(panel: InvokePanel, *buffers: bytes, **content: Any) -> None:
        data = {"method": "custom", "content": content}
        panel._handle_msg({"content": {"data": data}, "buffers": [memoryview(each) for each in buffers]})

    return message
