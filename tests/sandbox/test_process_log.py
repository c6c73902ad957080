"""How an agent's output is kept."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agentcore_lab.sandbox.process_log import drain, read_tail

pytestmark = pytest.mark.process


def test_a_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    """The newest lines are kept and the files together stay below the limit."""
    text = "".join(f"line {n:06}\n" for n in range(100_000)).encode()

    drain(io.BytesIO(text), tmp_path / "log", limit=400_000)

    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 400_000
    assert read_tail(tmp_path / "log", 2) == ["line 099998", "line 099999"]


def test_the_tail_reaches_into_the_older_file(tmp_path: Path) -> None:
    """Lines asked for are found across the change of files, in order and without a gap."""
    text = "".join(f"line {n:06}\n" for n in range(30_000)).encode()
    drain(io.BytesIO(text), tmp_path / "log", limit=400_000)

    lines = read_tail(tmp_path / "log", 16_000)

    assert (tmp_path / "log.1").exists()
    assert lines == [f"line {n:06}" for n in range(14_000, 30_000)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"one\ntwo", ["one", "two"]),
        (b"one\n\n", ["one", ""]),
        (b"caf\xe9\n", ["caf\ufffd"]),
    ],
)
def test_odd_ends(tmp_path: Path, text: bytes, lines: list[str]) -> None:
    """An unfinished line counts, an empty one too, and bytes that are no UTF-8 are shown as such."""
    drain(io.BytesIO(text), tmp_path / "log")

    assert read_tail(tmp_path / "log", 10) == lines


def test_output_without_a_place_to_go(tmp_path: Path) -> None:
    """The agent's pipe is emptied to its end even if nothing can be written."""
    source = io.BytesIO(b"x" * 1_000_000)

    drain(source, tmp_path / "no folder" / "log")

    assert source.closed
