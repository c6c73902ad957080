"""Which RUN instructions can be done on the host."""

from __future__ import annotations

import pytest

from agentcore_lab.images.pip_install import PipInstall, read_pip_install


@pytest.mark.parametrize(
    ("command", "install"),
    [
        ("pip install --no-cache-dir -r requirements.txt", PipInstall(("requirements.txt",), (), (), ())),
        ("uv pip install --system -rreq.txt", PipInstall(("req.txt",), (), (), ())),
        ("python -m pip install 'boto3>=1.40,<2' idna", PipInstall((), (), ("boto3>=1.40,<2", "idna"), ())),
        ("pip3 install -U pip && pip3 install x -c c.txt", PipInstall((), ("c.txt",), ("pip", "x"), ())),
        (
            "--mount=type=cache,target=/root/.cache pip install --index-url https://h/simple --pre a",
            PipInstall((), (), ("a",), ("--pre", "--index-url=https://h/simple")),
        ),
    ],
)
def test_plain_installs_are_understood(command: str, install: PipInstall) -> None:
    """pip, python -m pip and uv pip, chained or with a cache mount, in files or by name."""
    assert read_pip_install(command) == install


@pytest.mark.parametrize(
    "command",
    [
        "apt-get update && pip install x",
        "pip install .",
        "pip install -e .",
        "pip install --target /opt x",
        "pip install git+https://example.com/x.git",
        "pip install 'unbalanced",
        "pip install",
        "useradd agent",
    ],
)
def test_everything_else_is_left_to_the_engine(command: str) -> None:
    """What does more, or installs in a way only pip knows, is not taken for a plain install."""
    assert read_pip_install(command) is None
