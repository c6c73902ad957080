"""The example in AWS's own style, run as its reader would: in a shell that has eval'ed ``agentcore-lab env``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import uv

from agentcore_lab.accounts.handed_out import client_environment
from tests.clients.stage import Stage
from tests.programs import ROOT

SCRIPT = ROOT / "docs" / "examples" / "plain_boto3.py"


def test_the_script_speaks_of_aws_alone() -> None:
    """What leads it here is the environment; only its introduction says so."""
    _, _, code = SCRIPT.read_text().partition('"""\n\nfrom __future__')
    assert "agentcore_lab" not in code
    assert "agentcore-lab" not in code
    assert "endpoint_url" not in code


def test_the_script_runs_to_its_end(stage: Stage) -> None:
    """Role, zip, runtime, two questions in one session, stop, and everything deleted."""
    own = f"PYTHON_{sys.version_info.major}_{sys.version_info.minor}"
    runtime = "PYTHON_3_13" if stage.engine.sandbox == "docker" else own
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={
            **kept,
            **client_environment(stage.engine),
            "AGENT_RUNTIME": runtime,
            "PATH": f"{Path(uv.find_uv_bin()).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'answer': 'Hello Ada.', 'question': 1" in done.stdout
    assert "'answer': 'Hello Grace.', 'question': 2" in done.stdout
    assert "deleted   the runtime, the bucket and the role" in done.stdout
    machine = "aarch64" if stage.engine.sandbox == "docker" else os.uname().machine
    assert f"'machine': '{machine}'" in done.stdout
