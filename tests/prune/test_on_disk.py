"""``agentcore-lab prune`` on what the process sandbox leaves behind, beside an engine whose versions need some."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agentcore_lab.cli import app
from agentcore_lab.clock import SystemClock
from agentcore_lab.sandbox.base import Image
from agentcore_lab.sandbox.docker_host import EngineUnreachable
from agentcore_lab.sandbox.process_store import Manifest, ProcessStore
from agentcore_lab.sandbox.process_venv import Environment, Environments
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import create, settled

NAMED = "123456789012.dkr.ecr.us-west-2.amazonaws.com/agent"


@pytest.fixture(autouse=True)
def _without_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Docker has on this machine is not these tests'."""

    def refuse(*args: object, **options: object) -> None:
        raise EngineUnreachable(())

    monkeypatch.setattr("agentcore_lab.cli.prune.connect", refuse)


@pytest.fixture
def store(settings: Settings) -> ProcessStore:
    """The images of the data directory."""
    return ProcessStore(settings.data_dir / "images")


@pytest.fixture
def prune(settings: Settings) -> Callable[..., Result]:
    """The command on this test's data directory and cache."""
    places = ["--data-dir", str(settings.data_dir), "--cache-dir", str(settings.cache_dir)]
    return lambda *options: CliRunner().invoke(app, ["prune", *places, *options], env={"COLUMNS": "200"})


def age(path: Path, days: int) -> None:
    """Make a file or folder so many days old."""
    then = (SystemClock().now() - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))


def environment(settings: Settings, name: str, *, days: int) -> Environment:
    """A virtual environment that was last of use so many days ago."""
    home = settings.cache_dir / "venvs" / name
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").touch()
    (home / "library.py").write_text("x" * 100_000)
    made = Environment(name, "/usr/bin/python3", ())
    (home / "agentcore-lab.json").write_text(json.dumps(asdict(made)))
    (home.parent / f"{name.partition('-')[0]}.current").write_text(name)
    age(home / "agentcore-lab.json", days)
    return made


def image(store: ProcessStore, tag: str, python: Environment, *, days: int) -> str:
    """An image that got its name so many days ago; its digest."""
    with store.scratch() as tree:
        (tree / "agent.py").write_text(f"print({tag!r})")
        manifest = Manifest(("python", "agent.py"), {}, "/", (8080,), python, tree=tag)
        store.add(tree, manifest)
    store.tag(f"{NAMED}:{tag}", manifest.digest)
    age(next((store.folder / "tags").glob(f"*{tag}")), days)
    age(store.tree(manifest.digest).parent, days)
    return manifest.digest


def names(shown: Result) -> set[str]:
    """What was found, or removed, by the last part of its name."""
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)["leftovers"]
    return {each["name"].rpartition("/")[2].rpartition(":")[2] for each in found}


def is_of(backend: ScriptedBackend, digest: str) -> None:
    """Let the backend's image be the one of this digest."""
    backend.images[HELLO] = (Image(HELLO, digest, "arm64"), backend.images[HELLO][1])
    backend.images[digest] = backend.images[HELLO]


def test_what_versions_need_and_what_is_new_stays(
    aws: Clients,
    backend: ScriptedBackend,
    settings: Settings,
    store: ProcessStore,
    prune: Callable[..., Result],
) -> None:
    """Images of builds go when they are old, unless a stored version has the digest; a person's own names stay."""
    python = environment(settings, "aaaa-1", days=90)
    needed = image(store, "111111111111", python, days=90)
    is_of(backend, needed)
    settled(aws, create(aws)["agentRuntimeId"])
    other = environment(settings, "bbbb-1", days=90)
    image(store, "222222222222", other, days=90)
    image(store, "20260101-101010-123", other, days=90)
    image(store, "333333333333", environment(settings, "cccc-1", days=3), days=3)
    kept = image(store, "latest", other, days=90)

    shown = prune("--json")
    assert names(shown) == {"222222222222", "20260101-101010-123", "bbbb-1"}
    assert names(prune("--json", "--days", "2")) == names(shown) | {"333333333333", "cccc-1"}
    assert sum(each["size"] for each in json.loads(shown.stdout)["leftovers"]) > 100_000
    assert store.resolve(f"{NAMED}:222222222222"), "showing removes nothing"

    assert names(prune("--json", "--yes")) == names(shown)
    assert {tag.uri.rpartition(":")[2] for tag in store.tags()} == {"111111111111", "333333333333", "latest"}
    assert store.manifest(needed).python == python
    assert store.manifest(kept)
    there = {each.path.name for each in Environments(settings.cache_dir / "venvs").all()}
    assert there == {"aaaa-1", "cccc-1"}
    assert not (settings.cache_dir / "venvs" / "bbbb.current").exists()
    assert names(prune("--json", "--yes")) == set()


def test_an_image_without_a_name_goes_once_no_version_has_it(
    aws: Clients,
    backend: ScriptedBackend,
    settings: Settings,
    store: ProcessStore,
    prune: Callable[..., Result],
) -> None:
    """A name that has moved on leaves its image to the versions that were made from it."""
    python = environment(settings, "aaaa-1", days=1)
    old = image(store, "latest", python, days=90)
    is_of(backend, old)
    runtime_id = settled(aws, create(aws)["agentRuntimeId"])["agentRuntimeId"]
    with store.scratch() as tree:
        (tree / "agent.py").write_text("print('newer')")
        newer = Manifest(("python", "agent.py"), {}, "/", (8080,), python, tree="newer")
        store.add(tree, newer)
    store.tag(f"{NAMED}:latest", newer.digest)
    assert names(prune("--json")) == set()

    aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
    eventually(lambda: not aws.control.list_agent_runtimes()["agentRuntimes"])
    assert names(prune("--json", "--yes")) == {old.removeprefix("sha256:")}
    assert [tag.digest for tag in store.tags()] == [newer.digest]
    assert store.unnamed() == []


def test_an_environment_that_is_used_is_not_old(settings: Settings, prune: Callable[..., Result]) -> None:
    """Starting an agent in it is use; so is a build that finds it."""
    python = environment(settings, "aaaa-1", days=90)
    assert names(prune("--json")) == {"aaaa-1"}
    environments = Environments(settings.cache_dir / "venvs")
    found = environments.all()[0]
    environments.restore(python)
    assert names(prune("--json")) == set()
    assert not environments.remove("aaaa-1", found.last_used), "found before it was of use again"


def test_a_person_reads_what_would_go_and_how_much(settings: Settings, prune: Callable[..., Result]) -> None:
    """What it is, its name, when it was last of use, the space; then the command that removes it."""
    assert "Nothing to remove" in prune().stdout
    environment(settings, "aaaa-1", days=90)
    old = settings.cache_dir / "bases" / "python3.11-before.tar"
    old.parent.mkdir()
    old.write_bytes(b"0" * 2_000_000)
    age(old, 90)
    shown = prune().stdout
    assert "No container engine answers" in shown
    assert "virtual environment" in shown
    assert "2.0 MB" in shown
    assert "run `agentcore-lab prune --days 30 --yes`" in shown
    assert "Removed: 2, at least 2 MB." in prune("--yes").stdout
    assert not old.exists()


def test_images_of_versions_are_held(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> None:
    """From the moment a version is made; an engine that starts holds those of all that are stored."""
    digest = backend.images[HELLO][0].digest
    with engine_in_thread(settings, backend, clock) as running:
        assert backend.held == set()
        create(clients_of(running.url))
        assert backend.held == {digest}
    backend.held.clear()
    with engine_in_thread(settings, backend, clock):
        assert backend.held == {digest}
