"""Lab 8 can reach AWS: only somebody who wants that makes it do so."""

from __future__ import annotations

import os
import re

import boto3
import pytest

from tests.notebooks.stage import NOTEBOOKS
from tools.notebooks import read

LAB = NOTEBOOKS / "08-from-lab-to-aws.ipynb"
CELLS = {cell.id: cell.source for cell in read(LAB).cells if cell.cell_type == "code"}



@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """The sessions and clients that were asked for."""
    asked: list[tuple[str, object]] = []

    class Session:
        def __init__(self, **options: object) -> None:
            asked.append(("session", options))

        def client(self, name: str) -> object:
            asked.append(("client", name))
            return self

        def get_caller_identity(self) -> dict[str, str]:
            return {"Account": "999999999999"}

    monkeypatch.setattr(boto3, "Session", Session)
    return asked


def switch(**changed: object) -> None:
    """Run the parameters and the switch as they are stored, with some parameters changed."""
    names: dict[str, object] = {}
    exec(CELLS["parameters"], names)
    names.update(changed)
    exec(CELLS["switch"], names)


def test_it_is_stored_with_the_switch_off() -> None:
    """Run All of the notebook as it is never leaves the machine, and names no account."""
    names: dict[str, object] = {}
    exec(CELLS["parameters"], names)
    assert (names["on_aws"], names["aws_account"], names["aws_profile"]) == (False, None, None)


def test_every_client_comes_from_the_switch() -> None:
    """No cell makes a client of its own, nor calls AWS's command line."""
    for name, source in CELLS.items():
        if name not in ("switch", "agent"):
            assert not re.search(r"boto3\.|[\"']aws[\"']", source), name


def test_one_switch_is_not_enough(
    reached: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS the account must be named too, and be the one that the credentials are of."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    for account in (None, "111111111111"):
        with pytest.raises(AssertionError, match="999999999999"):
            switch(on_aws=True, aws_account=account)
    assert ("client", "sts") in reached
    assert all(kind == "session" or name == "sts" for kind, name in reached)


def test_a_kernel_of_the_lab_is_not_led_astray(
    reached: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where variables still lead to the lab nobody is told that it was AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4599")
    with pytest.raises(AssertionError, match="restart the kernel"):
        switch(on_aws=True, aws_account="999999999999")
    assert reached == []
