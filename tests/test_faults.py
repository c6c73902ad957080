"""The planted faults fit the code they are planted in; that each is noticed is a long test."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.programs import ROOT
from tools.faults.__main__ import Misfit, plant, try_fault
from tools.faults.planted import FAULTS, Fault

EACH_FAULT = pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])


@EACH_FAULT
def test_a_fault_fits_the_code(fault: Fault, tmp_path: Path) -> None:
    """Its place stands once in the file it names, what it makes of it is Python, and its tests exist."""
    file = tmp_path / fault.file
    file.parent.mkdir()
    shutil.copy(ROOT / "agentcore_lab" / fault.file, file)
    plant(fault, tmp_path)
    ast.parse(file.read_text())
    assert fault.tests
    assert all((ROOT / test).exists() for test in fault.tests)
    assert all(list((ROOT / "notebooks").glob(f"{lab}-*.ipynb")) for lab in fault.labs)


def test_a_fault_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """Code that has moved on makes the fault fail, instead of a plain copy being tested."""
    (tmp_path / "code.py").write_text("x = 1\n")
    with pytest.raises(Misfit, match="0 times"):
        plant(Fault("gone", "nothing", "code.py", "y = 1", "y = 2", ("tests",)), tmp_path)


@pytest.mark.long
@EACH_FAULT
def test_a_fault_is_noticed(fault: Fault) -> None:
    """A test fails, and so does each lab that shows the promise to a reader."""
    noticed = try_fault(fault, labs=True)
    assert noticed.by_all, noticed
