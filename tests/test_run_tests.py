"""Which tests ``make test`` runs in which lane, and how it says what it left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools import run_tests

ALL = {"docker": True, "process": True, "images": True, "browser": True}


@pytest.mark.parametrize(
    ("works", "long", "expected"),
    [
        (
            ALL,
            False,
            {
                "containers": "docker and not long",
                "pages": "(browser or notebook) and not docker and not long",
                "others": "not browser and not notebook and not docker and not long",
            },
        ),
        (
            {**ALL, "docker": False},
            True,
            {
                "pages": "(browser or notebook) and not docker",
                "others": "not browser and not notebook and not docker",
            },
        ),
        (
            {**ALL, "browser": False},
            True,
            {
                "containers": "docker and not browser",
                "pages": "(browser or notebook) and not docker and not browser",
                "others": "not browser and not notebook and not docker and not browser",
            },
        ),
    ],
)
def test_only_what_cannot_run_is_left_out(
    works: dict[str, bool], long: bool, expected: dict[str, str]
) -> None:
    """Docker and browser tests go when their means are missing, long ones unless asked for."""
    assert run_tests.lanes(works, long=long) == expected


@pytest.mark.parametrize(
    ("codes", "expected"), [([0, 0], 0), ([0, 1], 1), ([1, 2], 2), ([5, 0], 0), ([5, 1], 1), ([5, 5], 5)]
)
def test_the_worst_lane_decides(codes: list[int], expected: int) -> None:
    """A failure in one lane is the run's; a lane with nothing to run is not, unless all are so."""
    assert run_tests.verdict(codes) == expected


def test_a_lane_selects_its_tests_and_names_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest runs what the expression selects, its exit code is the lane's, and every line says which lane it is of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conftest.py").write_text(
        "def pytest_configure(config):\n    config.addinivalue_line('markers', 'docker: x')\n"
    )
    (tmp_path / "test_two.py").write_text(
        "import pytest\n@pytest.mark.docker\ndef test_a(): assert False\ndef test_b(): pass\n"
    )
    assert run_tests.run_lane("others", "not docker", ["-q", str(tmp_path)]) == 0
    assert run_tests.run_lane("containers", "docker", ["-q", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("    others | ", "containers | ")) for line in lines)
    assert any("1 passed, 1 deselected" in line for line in lines)


def test_what_could_not_run_is_the_last_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pytest's exit code is handed on, after one line that names what was left out."""
    ran: list[tuple[str, str, list[str]]] = []

    def run_lane(name: str, expression: str, arguments: list[str]) -> int:
        ran.append((name, expression, arguments))
        return 1

    def report(_: Any) -> dict[str, Any]:
        return {"works": {**ALL, "docker": False}}

    monkeypatch.setattr(run_tests, "doctors_report", report)
    monkeypatch.setattr(run_tests, "run_lane", run_lane)
    assert run_tests.main(["--long", "-x"]) == 1
    assert {(name, tuple(arguments)) for name, _, arguments in ran} == {
        ("pages", ("-x",)),
        ("others", ("-x",)),
    }
    last = "Could not run here: tests marked docker (no container engine runs ARM64 here).\n"
    assert capsys.readouterr().out == last
