"""Virtual environments of agents, made from wheels that lie here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from agentcore_lab.sandbox.process_venv import Environments, Wanted

ABOUT = "tiny-1.0.dist-info"


def wheel(folder: Path) -> Path:
    """A package ``tiny`` with nothing in it."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as packed:
        packed.writestr("tiny.py", "")
        packed.writestr(f"{ABOUT}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        packed.writestr(f"{ABOUT}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{ABOUT}/RECORD", "")
    return path


def test_an_environment_made_in_a_notebook_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Jupyter kernel wants colours of every program; what was installed is written down without."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    source = wheel(tmp_path)
    environments = Environments(tmp_path / "venvs")
    wanted = Wanted(sys.executable, (("--no-deps", "--no-index", str(source)),), tmp_path, "")

    made, _ = environments.ensure(wanted, on_make=lambda: None)
    assert made.packages == (f"tiny @ {source.as_uri()}",)

    shutil.rmtree(environments.folder)
    environments.restore(made)
    assert list((environments.folder / made.name).glob("lib/python*/site-packages/tiny.py"))
