"""Commands on the process sandbox, where their timing can be arranged."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from agentcore_lab.sandbox import process_exec
from agentcore_lab.sandbox.commands import SHELL
from agentcore_lab.sandbox.process_child import Command


async def test_who_kills_leaves_the_exit_code_to_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the waiting begins: an exit code is there to be had once."""
    killed = Event()

    class Late(process_exec.Program):
        def _kill(self) -> None:
            try:
                super()._kill()
            finally:
                killed.set()

        def _reap(self) -> None:
            killed.wait()
            super()._reap()

    monkeypatch.setattr(process_exec, "Program", Late)
    surroundings = Command((), tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    async with process_exec.run(surroundings, [SHELL, "-c", "echo started; sleep 617"]) as command:
        async for _ in command.output():
            await command.kill()
        assert await command.exit_code() == 128 + 9
