"""Building for the process sandbox: snapshots that never change, environments made once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentcore_lab.images.build import Step
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.images.process_builder import ProcessBuilder
from agentcore_lab.sandbox.base import ImageNotFound
from agentcore_lab.sandbox.process_store import ProcessStore

pytestmark = pytest.mark.process

FROM = "FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm\nWORKDIR /app\n"
RUN = "COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
CMD = 'COPY . .\nCMD ["python", "agent.py"]\n'
# A small package without dependencies of its own.
PACKAGE = "iniconfig==2.0.0"
URI = "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:latest"


@pytest.fixture
def store(tmp_path: Path) -> ProcessStore:
    """Where images go."""
    return ProcessStore(tmp_path / "data" / "images")


@pytest.fixture
def builder(store: ProcessStore, tmp_path: Path) -> ProcessBuilder:
    """A builder with an empty cache."""
    return ProcessBuilder(store, tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small agent's folder with one requirement."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "Dockerfile").write_text(FROM + RUN + CMD)
    (place / "requirements.txt").write_text(PACKAGE + "\n")
    (place / "agent.py").write_text("print('hello')\n")
    return place


def ignore(_: Step) -> None:
    """Nobody listens."""


def venvs(tmp_path: Path) -> list[str]:
    """The environments there are."""
    return sorted(path.name for path in (tmp_path / "cache" / "venvs").iterdir() if path.is_dir())


def test_building_again_with_nothing_changed(builder: ProcessBuilder, folder: Path, tmp_path: Path) -> None:
    """The same folder is the same image, built in well under two seconds with the same environment."""
    first = builder.build(folder, URI, on_step=ignore)
    (folder / "agent.py").touch()
    again = builder.build(folder, URI, on_step=ignore)

    assert (first.reused, again.reused) == (False, True)
    assert again.digest == first.digest
    assert again.seconds < 2
    assert len(venvs(tmp_path)) == 1


def test_another_source_is_another_image(
    builder: ProcessBuilder, store: ProcessStore, folder: Path, tmp_path: Path
) -> None:
    """A changed file makes a new digest and keeps the environment; the old image stays as it was."""
    first = builder.build(folder, URI, on_step=ignore)
    (folder / "agent.py").write_text("print('changed')\n")
    second = builder.build(folder, URI, on_step=ignore)

    assert second.digest != first.digest
    assert not second.reused
    assert store.resolve(URI).digest == second.digest
    assert (store.tree(first.digest) / "app/agent.py").read_text() == "print('hello')\n"
    assert len(venvs(tmp_path)) == 1


def test_other_requirements_are_another_environment(
    builder: ProcessBuilder, folder: Path, tmp_path: Path
) -> None:
    """What the requirements files say, nested ones included, decides the environment."""
    (folder / "requirements.txt").write_text("-r app/more.txt\n")
    (folder / "app").mkdir()
    (folder / "Dockerfile").write_text(FROM + "COPY . .\nRUN pip install -r requirements.txt\n" + CMD)
    for package in (PACKAGE, "iniconfig==2.1.0"):
        (folder / "app" / "more.txt").write_text(package)
        builder.build(folder, URI, on_step=ignore)

    assert len(venvs(tmp_path)) == 2


def test_fresh_resolves_anew(builder: ProcessBuilder, store: ProcessStore, folder: Path) -> None:
    """A fresh build makes a new environment, and the image built before keeps the one it had."""
    first = builder.build(folder, URI, on_step=ignore)
    fresh = builder.build(folder, URI, on_step=ignore, fresh=True)
    later = builder.build(folder, URI, on_step=ignore)

    assert not fresh.reused
    assert fresh.digest != first.digest
    assert later.digest == fresh.digest
    assert (builder.cache_dir / "venvs" / store.manifest(first.digest).python.name / "bin/python").exists()


def test_packages_are_pinned_in_the_image(builder: ProcessBuilder, store: ProcessStore, folder: Path) -> None:
    """An image says exactly which packages it was built with."""
    (folder / "requirements.txt").write_text("iniconfig>=2,<2.1\n")

    built = builder.build(folder, URI, on_step=ignore)

    assert store.manifest(built.digest).python.packages == (PACKAGE,)


async def test_builders_side_by_side(builder: ProcessBuilder, folder: Path, tmp_path: Path) -> None:
    """Builds at the same time give one image and one environment."""
    builds = await asyncio.gather(
        *(asyncio.to_thread(builder.build, folder, f"registry/mine:{n}", on_step=ignore) for n in range(4))
    )

    assert len({built.digest for built in builds}) == 1
    assert len(venvs(tmp_path)) == 1


def test_a_half_made_environment_is_not_used(builder: ProcessBuilder, folder: Path, tmp_path: Path) -> None:
    """An environment whose making was cut off is made again."""
    first = builder.build(folder, URI, on_step=ignore)
    (tmp_path / "cache" / "venvs" / venvs(tmp_path)[0] / "agentcore-lab.json").unlink()

    again = builder.build(folder, URI, on_step=ignore)

    assert again.digest != first.digest
    assert not again.reused


def test_dockerignore_and_copy(builder: ProcessBuilder, store: ProcessStore, folder: Path) -> None:
    """Files lie where COPY puts them, and what .dockerignore names is not in the image."""
    (folder / ".dockerignore").write_text("# a comment\n**/*.log\nsecret\n!keep.log\n")
    for name in ("a.log", "keep.log", "secret/key", "data/one.txt", "data/deep/two.txt", "data/x.log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "Dockerfile").write_text(
        FROM + 'COPY agent.py *.log /srv/\nCOPY data /data\nCOPY run.sh /bin/go\nCMD ["/bin/go"]\n'
    )

    tree = store.tree(builder.build(folder, URI, on_step=ignore).digest)

    files = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert files == {"srv/agent.py", "srv/keep.log", "data/one.txt", "data/deep/two.txt", "bin/go"}
    assert (tree / "bin/go").stat().st_mode & 0o100


def test_steps_are_told(builder: ProcessBuilder, folder: Path) -> None:
    """Each step is told as it begins, and what only a container engine could do is named."""
    (folder / "Dockerfile").write_text(FROM + RUN + "RUN apt-get install -y ffmpeg\n" + CMD)
    steps: list[Step] = []

    builder.build(folder, URI, on_step=steps.append)

    assert [(step.number, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert "requirements.txt" in steps[1].text
    assert "cannot do: RUN apt-get install -y ffmpeg" in steps[2].text


@pytest.mark.parametrize(
    ("dockerfile", "requirements", "message"),
    [
        (FROM + RUN + CMD, "no-such-package-of-agentcore-lab==1\n", "no-such-package-of-agentcore-lab"),
        (FROM + RUN + CMD, "-e .\n", "editable"),
        (FROM + "COPY agnet.py .\n" + CMD, "", "line 3: agnet.py is not in"),
        (FROM + "RUN pip install -r requirements.txt\n" + CMD, "", "COPY it before"),
        (FROM + "ADD https://example.com/x.tar.gz .\n" + CMD, "", "needs a container engine"),
        (FROM + "COPY . .\n", "", "no CMD"),
    ],
)
def test_what_cannot_be_built(
    builder: ProcessBuilder,
    store: ProcessStore,
    folder: Path,
    dockerfile: str,
    requirements: str,
    message: str,
) -> None:
    """A build that fails says why, names nothing, and leaves no half of an image behind."""
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "requirements.txt").write_text(requirements)

    with pytest.raises(BuildError, match=message):
        builder.build(folder, URI, on_step=ignore)

    with pytest.raises(ImageNotFound):
        store.resolve(URI)
    assert not store.folder.exists() or list(store.folder.iterdir()) == []
