"""The panel of the browser's tests, made in the notebook's kernel on a scripted engine."""

from __future__ import annotations

import threading
from pathlib import Path

from agentcore_lab.panels import InvokePanel
from tests.panels.scripted import ARN, CRASH, Reply, ScriptedEngine, error_reply, stream_reply


def wait_for_file(name: str) -> None:
    """Wait until a test has made this file in the notebook's folder."""
    pause = threading.Event()
    while not Path(name).exists():
        pause.wait(0.05)


def open_panel() -> InvokePanel:
    """A panel whose agent answers at once; `slow` waits for the file `go`, `crash` and `count` as they say."""
    engine = ScriptedEngine(
        slow=Reply(
            (lambda: wait_for_file("go"), b'{"result": "You said: slow", "machine": "aarch64", "turn": 1}')
        ),
        crash=error_reply("RuntimeClientError", 424, CRASH),
        count=stream_reply("one", "two", "three"),
    )
    return InvokePanel(engine.source, ARN, prompt="Hello!")
