"""The program ``agentcore-lab`` as a user runs it: a command to its end, an engine in the foreground."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agentcore_lab.discovery import RunningEngine, find_engine

ROOT = Path(__file__).parents[1]
START_SECONDS = 60


@dataclass(frozen=True)
class Program:
    """``agentcore-lab`` with a data directory of its own; ``variables`` are set for it on top of everything."""

    data_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """This process's environment, aimed at the data directory and at no AWS account."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BEDROCK_"))
        }
        return {**kept, "AGENTCORE_LAB_DATA_DIR": str(self.data_dir), "COLUMNS": "200", **self.variables}

    def run(
        self, *arguments: str, timeout: float = 120, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "agentcore_lab", *arguments],
            env={**self.environment(), **(environment or {})},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[Serving]:
        """``agentcore-lab serve`` in the foreground of a child process; ended, if it still runs, by SIGTERM."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir.with_suffix(".log")
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "agentcore_lab", "serve", *arguments],
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Serving(process, _found(self.data_dir, process, log), log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@dataclass(frozen=True)
class Serving:
    """A running engine and its process."""

    process: subprocess.Popen[bytes]
    engine: RunningEngine
    log: Path


def _found(data_dir: Path, process: subprocess.Popen[bytes], log: Path) -> RunningEngine:
    for _ in range(START_SECONDS * 20):
        # A killed engine's note may still be there: only the child's own counts.
        if (engine := find_engine(data_dir)) and engine.pid == process.pid:
            return engine
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the engine did not answer:\n{log.read_text()}")
