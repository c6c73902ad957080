"""For tests with the engine, of this project and of others'.

Fixtures for notebooks and agents of your own, with ``pytest_plugins = ["agentcore_lab.testing"]`` in conftest.py
(``fixtures.py``); and, for the engine's own tests, a clock that stands still, sandboxes that follow a script and an
engine in a thread.
"""

from agentcore_lab.testing.clock import FakeClock
from agentcore_lab.testing.fixtures import agentcore_clock, agentcore_lab, agentcore_runtime
from agentcore_lab.testing.scripted import Handler, Script, ScriptedBackend
from agentcore_lab.testing.served import UNMETERED, engine_in_thread

__all__ = [
    "UNMETERED",
    "FakeClock",
    "Handler",
    "Script",
    "ScriptedBackend",
    "agentcore_clock",
    "agentcore_lab",
    "agentcore_runtime",
    "engine_in_thread",
]
