"""moto's tests of bedrock-agentcore-control, each against an engine of its own on scripted sandboxes.

They are written as ``@mock_aws``. Here ``moto`` is a stand-in whose ``mock_aws`` does nothing, so moto itself has no
part in the run, and the variables any AWS client reads lead boto3 to the engine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agentcore_lab.clock import SystemClock
from agentcore_lab.sandbox.base import Image
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from tools.foreign.clients import lead_clients_to

TESTS = ("tests/test_bedrockagentcorecontrol",)
REGION = "us-east-1"
"""The one the tests name."""


class EveryImage(ScriptedBackend):
    """Scripted sandboxes for whatever image is asked for."""

    async def resolve(self, uri: str) -> Image:
        """An image of that name, made up when it is first asked for."""
        if uri not in self.images:
            self.add(uri)
        return await ScriptedBackend.resolve(self, uri)


class EngineForEachTest:
    """The pytest plugin."""

    @pytest.fixture(autouse=True)
    def _engine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        settings = Settings(
            tmp_path / "data", tmp_path / "cache", region=REGION, fast_lifecycle=True, quotas=UNMETERED
        )
        with engine_in_thread(settings, EveryImage(), SystemClock()) as engine:
            lead_clients_to(engine, monkeypatch)
            yield


@contextmanager
def plugin(_sandbox: str) -> Iterator[EngineForEachTest]:
    """The plugin, with the stand-in for moto in place of any that is installed."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _stand_in():
            patch.setitem(sys.modules, module.__name__, module)
        yield EngineForEachTest()


def _stand_in() -> Iterator[ModuleType]:
    """As much of moto as its ``tests`` package imports."""
    moto, core, config = ModuleType("moto"), ModuleType("moto.core"), ModuleType("moto.core.config")
    moto.mock_aws = _as_it_is  # type: ignore[attr-defined]
    config.default_user_config = {"core": {}}  # type: ignore[attr-defined]
    yield from (moto, core, config)


def _as_it_is(test: Callable[..., Any]) -> Callable[..., Any]:
    return test
