"""AWS's starter toolkit as its users have it: in an environment of its own, beside an engine, told nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.settings import Settings
from tests.programs import Program

TOOLKIT = "bedrock-agentcore-starter-toolkit==0.3.14"
AGENT = '''\
"""An agent as the toolkit's own guide has it."""

import platform

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload):
    return {"answer": f"Hello {payload['prompt']}.", "machine": platform.machine()}


if __name__ == "__main__":
    app.run()
'''


@dataclass(frozen=True)
class Toolkit:
    """The toolkit's environment, a project folder, and the variables that ``agentcore-lab env`` prints."""

    programs: Path
    project: Path
    variables: Mapping[str, str]

    def run(self, program: str, *arguments: str, timeout: float = 600) -> str:
        """One of the environment's programs in the project's folder; what it printed. It must succeed."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "BEDROCK_", "PYTHON"))
        }
        path = f"{self.programs}:{Path(uv.find_uv_bin()).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            env={
                **kept,
                "AGENTCORE_SUPPRESS_RECOMMENDATION": "1",
                "COLUMNS": "200",
                **self.variables,
                "PATH": path,
            },
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def programs() -> Path:
    """The ``bin`` of a virtual environment with the toolkit and nothing of ours; made once for a user."""
    home = Settings.load().cache_dir / TOOLKIT.replace("==", "-")
    done = home / "complete"
    if not done.exists():
        for arguments in (
            ("venv", "--clear", "--python", sys.executable, str(home)),
            ("pip", "install", "--python", str(home / "bin/python"), TOOLKIT),
        ):
            subprocess.run([uv.find_uv_bin(), "--quiet", *arguments], check=True)
        done.touch()
    return home / "bin"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The variables that lead AWS clients to an engine with containers."""
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    with program.serving("--sandbox", "docker", "--port", "0") as serving:
        yield client_environment(serving.engine)


@pytest.fixture
def toolkit(programs: Path, environment: Mapping[str, str], tmp_path: Path) -> Toolkit:
    """The toolkit in the folder of a new agent."""
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "requirements.txt").write_text("bedrock-agentcore\n")
    return Toolkit(programs, tmp_path, environment)
