"""The table of bases: what takes the place of a FROM that cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcore_lab.cli import app
from agentcore_lab.images.bases import FILE, Bases
from agentcore_lab.images.dockerfile import BuildError


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("ghcr.io/astral-sh/uv:python3.11-bookworm-slim", "3.11"),
        ("public.ecr.aws/docker/library/python:3.13-slim", "3.13"),
        ("python:3.11", "3.11"),
        ("ghcr.io/astral-sh/uv:python3.10-bookworm-slim", None),
        ("debian:bookworm", None),
    ],
)
def test_a_python_base_is_what_its_name_promises(reference: str, version: str | None) -> None:
    """That version of Python as Debian has it; nothing else is made up."""
    row = Bases().instead_of(reference)
    assert (row.made if row else None) == version


def test_rows_of_the_user_come_first(tmp_path: Path) -> None:
    """The first that fits counts, and they may name any image."""
    (tmp_path / FILE).write_text(
        '[bases]\n"ghcr.io/astral-sh/uv:python3.1?-*" = "debian:3.13"\n"*" = "my-base:1"\n'
    )
    bases = Bases(tmp_path / FILE)
    row = bases.instead_of("ghcr.io/astral-sh/uv:python3.11-bookworm-slim")
    assert row is not None
    assert (row.made, row.own) == ("3.13", True)
    other = bases.instead_of("python:3.11")
    assert other is not None
    assert (other.use, other.made) == ("my-base:1", None)


@pytest.mark.parametrize("text", ["[bases", "[other]", '[bases]\n"x" = 3', "bases = 3"])
def test_a_table_that_cannot_be_read_says_how_it_looks(tmp_path: Path, text: str) -> None:
    """With an example."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BuildError, match=FILE):
        Bases(tmp_path / FILE).rows()


def test_the_table_is_shown(tmp_path: Path) -> None:
    """As JSON for programs; for people with the file that changes it."""
    (tmp_path / FILE).write_text('[bases]\n"a:*" = "b:1"\n')
    shown = CliRunner().invoke(app, ["images", "bases", "--data-dir", str(tmp_path), "--json"])
    assert json.loads(shown.output)[0] == {"pattern": "a:*", "use": "b:1", "own": True}
    told = CliRunner().invoke(app, ["images", "bases", "--data-dir", str(tmp_path)])
    assert str(tmp_path / FILE) in told.output.replace("\n", "")
