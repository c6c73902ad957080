"""The source folder as a build sees it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from agentcore_lab.images.context import content_key, pack, placed, source_files
from agentcore_lab.images.dockerfile import read_recipe


def test_dockerignore_is_honoured(folder: Path) -> None:
    """Ignored files and folders are no part of the source."""
    (folder / "secret").mkdir()
    (folder / "secret/key").write_text("k")
    (folder / "a.log").write_text("l")

    assert source_files(folder) == ("agent.py", "requirements.txt")


@pytest.mark.parametrize(
    ("copy", "places"),
    [
        ("COPY . .", {"/app/agent.py", "/app/pkg/m.py", "/app/pkg/sub/n.py"}),
        ("COPY pkg /lib", {"/lib/m.py", "/lib/sub/n.py"}),
        ("COPY pkg/ ./pkg/", {"/app/pkg/m.py", "/app/pkg/sub/n.py"}),
        ("COPY *.py /", {"/agent.py"}),
        ("COPY agent.py main.py", {"/app/main.py"}),
        ("COPY pkg/*/n.py ./", {"/app/n.py"}),
        ("COPY ./pkg/m.py agent.py here/", {"/app/here/m.py", "/app/here/agent.py"}),
    ],
)
def test_files_are_placed_as_copy_does(tmp_path: Path, copy: str, places: set[str]) -> None:
    """A folder gives its content, a file its name or a new one, a pattern all it matches."""
    (tmp_path / "pkg/sub").mkdir(parents=True)
    for name in ("agent.py", "pkg/m.py", "pkg/sub/n.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("Dockerfile\n")
    (tmp_path / "Dockerfile").write_text(f"FROM x\nWORKDIR /app\n{copy}\n")

    found = placed(tmp_path, read_recipe(tmp_path / "Dockerfile"))

    assert set(found) == {PurePosixPath(place) for place in places}


def test_content_key_follows_content_and_nothing_else(folder: Path) -> None:
    """Times and ignored files do not change the key; a byte, a mode or the Dockerfile does."""
    key = content_key(folder)
    os.utime(folder / "agent.py", (1, 1))
    (folder / "a.log").write_text("ignored")
    assert content_key(folder) == key

    keys = {key}
    (folder / "agent.py").write_text("print(2)\n")
    keys.add(content_key(folder))
    (folder / "agent.py").chmod(0o755)
    keys.add(content_key(folder))
    (folder / "Dockerfile").write_text((folder / "Dockerfile").read_text() + "LABEL a=b\n")
    keys.add(content_key(folder))
    (folder / "agent.py").rename(folder / "main.py")
    keys.add(content_key(folder))
    assert len(keys) == 5


def test_the_same_content_makes_the_same_tar(folder: Path) -> None:
    """The engine's layer cache sees no difference between two packings of one source."""
    first = pack(folder, source_files(folder), {"Dockerfile": "FROM x\n"}).read()
    os.utime(folder / "agent.py", (1, 1))

    assert pack(folder, source_files(folder), {"Dockerfile": "FROM x\n"}).read() == first
