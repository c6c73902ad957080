from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.context import content_key
from agentcore_lab.lab import Lab
from agentcore_lab.testing import Script, ScriptedBackend


@dataclass(frozen=True)
class Cell:
    """What a cell gave: its value, its error, what it printed and what it displayed."""

    value: Any
    error: BaseException | None
    printed: str
    displayed: list[Any]


@dataclass
class Notebook:
    """A real IPython shell with the extension loaded."""

    shell: Any

    def run(self, source: str) -> Cell:
        """Run a cell."""
        with capture_output() as captured:
            ran = self.shell.run_cell(source, store_history=False)
        error = ran.error_before_exec or ran.error_in_exec
        return Cell(ran.result, error, captured.stdout, list(captured.outputs))

    def value(self, source: str) -> Any:
        """Run a cell that has to work."""
        cell = self.run(source)
        assert cell.error is None, cell.printed
        return cell.value

    def refused(self, source: str) -> str:
        """Run a cell that fails, and return what the reader sees: no traceback."""
        cell = self.run(source)
        assert cell.error is not None
        assert "Traceback" not in cell.printed
        return cell.printed.strip()

    def completed(self, line: str) -> list[str]:
        """What Tab offers at the end of a line."""
        with provisionalcompleter():  # what a kernel calls, and IPython calls provisional
            return [each.text for each in self.shell.Completer.completions(line, len(line))]


@dataclass
class ScriptedBuilder:
    """Builds any folder at once, into an image that behaves as ``script`` says."""

    backend: ScriptedBackend
    script: Script

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:  # noqa: ARG002 - the protocol's
        """The image under its name, a new one when the folder has changed."""
        on_step(Step(1, 1, "scripted"))
        digest = f"sha256:{content_key(folder)}"
        if uri not in self.backend.images:
            digest = self.backend.add(uri, self.script).digest
        return Built(uri, digest, "arm64", 0.1, reused=False)


@pytest.fixture
def builder(backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch) -> ScriptedBuilder:
    """What lab.build builds with."""
    scripted = ScriptedBuilder(backend, Script(log=("first line", "second line", "third line")))
    monkeypatch.setattr("agentcore_lab.lab.builder_for", lambda _sandbox, _settings: scripted)
    return scripted


@pytest.fixture
def notebook(
    lab: Lab, builder: ScriptedBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    """A shell whose ``lab`` is the running engine's, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    shell.user_ns["lab"] = lab
    notebook = Notebook(shell)
    notebook.value("%load_ext agentcore_lab")
    yield notebook
    # Each would look through all memory once more when the tests end.
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
