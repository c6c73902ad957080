"""Leftovers in Docker: versions, containers and engines of other data directories need images."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from agentcore_lab.clock import SystemClock
from agentcore_lab.images.docker_builder import CONTENT_LABEL
from agentcore_lab.images.engine import archive_context, note_use, run_build
from agentcore_lab.prune.docker import DockerLeftovers
from agentcore_lab.prune.leftovers import Needed
from agentcore_lab.sandbox.docker_held import held_name, hold
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.sandbox.ownership import owner_of

pytestmark = pytest.mark.docker

LATER = timedelta(days=40)


@pytest.fixture
def client() -> Iterator[DockerClient]:
    """The container engine."""
    found = connect()
    yield found
    found.close()


@pytest.fixture
def build(client: DockerClient, tmp_path: Path) -> Iterator[Callable[[], tuple[str, str]]]:
    """Makes an image as `%%agent` names one; its name and its digest."""
    digests = []

    def made() -> tuple[str, str]:
        content = secrets.token_hex(12)
        name = f"123456789012.dkr.ecr.us-west-2.amazonaws.com/prune-test:{content[:12]}"
        (tmp_path / "content.tar").write_text(content)
        with archive_context(tmp_path / "content.tar", "FROM scratch\nCOPY content.tar /\n") as context:
            run_build(client, context, name, labels={CONTENT_LABEL: content})
        digests.append(str(client.images.get(name).id))
        return name, digests[-1]

    yield made
    for digest in digests:
        with suppress(ImageNotFound):
            client.images.remove(digest, force=True)


def test_an_image_is_a_leftover_once_nobody_needs_it(
    client: DockerClient, build: Callable[[], tuple[str, str]], tmp_path: Path
) -> None:
    """A version's digest, a container or another engine's version keeps it; its last name takes it along."""
    cache_dir, data_dir = tmp_path / "cache", tmp_path / "other"
    owner, other = f"test-{secrets.token_hex(4)}", owner_of(data_dir, cache_dir)
    (name, digest), (used, of_used) = build(), build()
    now = SystemClock().now()

    def found(*needed: str, days: timedelta = LATER) -> set[str]:
        leftovers = DockerLeftovers(client, owner, Needed(frozenset(needed)), cache_dir).find(now + days)
        return {each.name for each in leftovers} & {
            *(name, used, digest, of_used),
            *(held_name(owner, digest), held_name(other, digest)),
        }

    assert found() == {name, used}
    assert found(days=-timedelta(days=1)) == set(), "they have just been made"

    container = client.containers.create(used, command=["none"])
    try:
        assert found() == {name}
    finally:
        container.remove()

    # The name moves on, as it does when the agent is built again: the version's own name keeps the image.
    hold(client, owner, [digest, f"sha256:{'0' * 64}"])
    client.images.remove(name)
    assert client.images.get(digest).tags == [held_name(owner, digest)]
    assert found(digest) == {used}
    assert found(of_used) == {held_name(owner, digest)}

    hold(client, other, [digest])
    assert found() == {used}
    (data_dir / "owner").unlink()
    assert found() == {used, held_name(owner, digest), held_name(other, digest)}

    leftovers = DockerLeftovers(client, owner, Needed(), cache_dir)
    for each in leftovers.find(now + LATER):
        if each.name in {held_name(owner, digest), held_name(other, digest)}:
            assert leftovers.remove(each)
    with pytest.raises(ImageNotFound):
        client.images.get(digest)


def test_what_a_build_takes_from_before_is_of_use(
    client: DockerClient, build: Callable[[], tuple[str, str]], tmp_path: Path
) -> None:
    """Builds note that they used packages or a base again."""
    name, _ = build()
    leftovers = DockerLeftovers(client, "test", Needed(), tmp_path)
    (first,) = (each for each in leftovers.find(SystemClock().now() + LATER) if each.name == name)
    note_use(client, name)
    (second,) = (each for each in leftovers.find(SystemClock().now() + LATER) if each.name == name)
    assert first.last_used < second.last_used
