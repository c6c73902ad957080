"""Storage that outlives a sandbox: the same tests on every backend."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from agentcore_lab.sandbox.base import Mount
from tests.sandbox.arena import AGENTS, Agent, Arena, edited

PATH = "/mnt/workspace"


def new_mount(path: str = PATH) -> Mount:
    """A mount of storage nobody has had yet."""
    return Mount(path, f"test-{secrets.token_hex(6)}", 1_000_000_000)


async def started(arena: Arena, *mounts: Mount) -> Agent:
    """A sandbox with these mounts, whose agent knows the first as FOLDER."""
    return await (await arena.start(mounts=mounts, FOLDER=mounts[0].path)).ready()


async def write(agent: Agent, name: str, size: int = 1) -> None:
    """Let the agent write a file to its storage."""
    await agent.invoke("write", folder="FOLDER", name=name, size=size)


async def found(agent: Agent) -> list[str]:
    """The names of what the agent finds in its storage."""
    return list((await agent.invoke("found", folder="FOLDER"))["found"])


async def test_what_is_written_outlives_the_sandbox(arena: Arena) -> None:
    """A new storage is empty; a later sandbox that has it finds what an earlier one wrote there."""
    mount = new_mount()
    first = await started(arena, mount)
    assert await found(first) == []
    await write(first, "notes.txt")
    await arena.backend.stop(first.id, 5)

    second = await started(arena, mount)

    assert await found(second) == ["notes.txt"]
    await write(second, "more.txt")
    assert await found(second) == ["more.txt", "notes.txt"]


async def test_an_image_fills_no_storage(arena: Arena, tmp_path: Path) -> None:
    """What an image has at the mount path is out of sight, in a new storage and in a used one."""
    dockerfile = (AGENTS / "probe" / "Dockerfile").read_text()
    folder = edited(
        AGENTS / "probe",
        tmp_path / "probe",
        Dockerfile=f"{dockerfile}\nCOPY edition.txt {PATH}/of-image.txt\n",
    )
    uri = "123456789012.dkr.ecr.us-west-2.amazonaws.com/agentcore-lab-test-filled:latest"
    await asyncio.to_thread(arena.kind.build, folder, uri)
    arena.images = {**arena.images, "filled": uri}
    mount = new_mount()

    agent = await (await arena.start("filled", mounts=[mount], FOLDER=PATH)).ready()

    assert await found(agent) == []


async def test_storages_do_not_see_each_other(arena: Arena) -> None:
    """Two storages at one path, in two sandboxes, hold what was written to each."""
    one, two = await started(arena, new_mount()), await started(arena, new_mount())

    await write(one, "mine.txt")

    assert (await found(one), await found(two)) == (["mine.txt"], [])


async def test_one_sandbox_may_have_several(arena: Arena) -> None:
    """Each mount is a place of its own."""
    one, other = new_mount("/mnt/one"), new_mount("/mnt/other")
    both = await started(arena, one, other)
    await write(both, "in-one.txt")
    await arena.backend.stop(both.id, 5)

    assert await found(await started(arena, other)) == []
    assert await found(await started(arena, one)) == ["in-one.txt"]


async def test_storages_are_listed_measured_and_removed(arena: Arena) -> None:
    """A backend knows its owner's storages and their sizes, and a removed one is empty when it is had again."""
    mount, stranger = new_mount(), arena.kind.backend(f"{arena.owner}-stranger")
    agent = await started(arena, mount)
    await write(agent, "big.txt", 200_000)
    await arena.backend.stop(agent.id, 5)

    assert await arena.backend.storages() == [mount.storage_id]
    size = await arena.backend.storage_size(mount.storage_id)
    assert size is not None
    assert 200_000 <= size < 300_000

    await stranger.open()
    assert await stranger.storages() == []
    await stranger.remove_storage(mount.storage_id)
    await stranger.close()
    assert await arena.backend.storages() == [mount.storage_id]

    await arena.backend.remove_storage(mount.storage_id)
    await arena.backend.remove_storage(mount.storage_id)
    assert await arena.backend.storages() == []
    assert await arena.backend.storage_size(mount.storage_id) is None
    assert await found(await started(arena, mount)) == []


async def test_a_later_backend_knows_what_an_earlier_one_stored(arena: Arena) -> None:
    """An engine that starts anew finds the storages, and can remove them."""
    mount = new_mount()
    agent = await started(arena, mount)
    await arena.backend.stop(agent.id, 5)
    second = arena.kind.backend(arena.owner)
    await second.open()

    assert await second.storages() == [mount.storage_id]
    await second.remove_storage(mount.storage_id)

    assert await arena.backend.storages() == []
    await second.close()
