"""The planted faults fit the code they are planted in; that each is noticed is a long test."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.programs import ROOT
from tools.faults.fault import Fault, Misfit, plant
from tools.faults.planted import FAULTS
from tools.faults.trial import Patience, try_fault, try_none

EACH_FAULT = pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])

HANGS = Fault(
    "hangs",
    "a page has a token",
    "runtime/paging.py",
    '    if token is None:\n        return ""\n',
    "    while token is None:\n        pass\n",
    ("tests/runtime/test_tags.py",),
)


@EACH_FAULT
def test_a_fault_fits_the_code(fault: Fault, tmp_path: Path) -> None:
    """Its places stand once in the files it names, what it makes of them is Python, and its tests exist."""
    changed = {fault.file, *(name for name, _, _ in fault.also)}
    for name in changed:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "agentcore_lab" / name, tmp_path / name)
    plant(fault, tmp_path)
    for name in changed:
        ast.parse((tmp_path / name).read_text())
    assert fault.tests
    assert all((ROOT / test).exists() for test in fault.tests)
    assert all(list((ROOT / "notebooks").glob(f"{lab}-*.ipynb")) for lab in fault.labs)


def test_each_fault_has_a_name_of_its_own() -> None:
    """The command takes names, and the table shows them."""
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)


def test_a_fault_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """Code that has moved on makes the fault fail, instead of a plain copy being tested."""
    (tmp_path / "code.py").write_text("x = 1\n")
    with pytest.raises(Misfit, match="0 times"):
        plant(Fault("gone", "nothing", "code.py", "y = 1", "y = 2", ("tests",)), tmp_path)


@pytest.mark.long
def test_what_hangs_has_noticed() -> None:
    """Tests that a fault keeps from ending are ended, named, and count."""
    noticed = try_fault(HANGS, labs=False, patience=Patience(tests=30))
    assert noticed.test is not None
    assert noticed.test.startswith("tests/runtime/test_tags.py::")
    assert noticed.test.endswith("(did not end in 30 s)")


@pytest.mark.long
def test_without_a_fault_nothing_is_noticed() -> None:
    """What would fail anyway proves nothing."""
    noticed = try_none(FAULTS, labs=True)
    assert not noticed.by_any, noticed


@pytest.mark.long
@EACH_FAULT
def test_a_fault_is_noticed(fault: Fault) -> None:
    """A test fails, and so does each lab that shows the promise to a reader."""
    noticed = try_fault(fault, labs=True)
    assert noticed.by_all, noticed
