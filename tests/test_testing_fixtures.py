"""The fixtures for others, as the sample repository uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT

SAMPLE = ROOT / "docs" / "examples" / "agent-regression"


@pytest.mark.parametrize(
    "sandbox",
    [
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.long]),
    ],
)
def test_the_sample_repository_passes_its_own_tests(sandbox: str, tmp_path: Path) -> None:
    """Agent, notebook and clock, in a pytest of their own that knows nothing of this project's settings."""
    checkout = tmp_path / "checkout"
    shutil.copytree(SAMPLE, checkout)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AGENTCORE_"))}
    environment = {
        **kept,
        "AGENTCORE_LAB_SANDBOX": sandbox,
        "PYTHONPATH": str(ROOT),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        env=environment,
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert "4 passed" in ran.stdout
