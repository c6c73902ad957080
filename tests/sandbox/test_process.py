"""What is particular to agents that are processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agentcore_lab.sandbox.base import BackendUnavailable, SandboxError, SandboxSpec
from agentcore_lab.sandbox.process import ProcessBackend
from tests.patience import PATIENCE
from tests.sandbox.arena import Agent, Arena, ProcessKind, eventually

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("kind", ["process"], indirect=True, scope="session"),
]

# An engine that starts one sandbox, says so, and waits to be killed.
ENGINE = """
import asyncio, sys
from pathlib import Path
from agentcore_lab.sandbox.base import SandboxSpec
from agentcore_lab.sandbox.process import ProcessBackend

async def main(data_dir, cache_dir, owner, uri):
    backend = ProcessBackend(owner, data_dir=Path(data_dir), cache_dir=Path(cache_dir))
    await backend.open()
    await backend.start(SandboxSpec("test-orphan", await backend.resolve(uri), 8080))
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


def folder(arena: Arena) -> ProcessKind:
    """Where the backend keeps what it has."""
    assert isinstance(arena.kind, ProcessKind)
    return arena.kind


def record(arena: Arena, sandbox_id: str) -> Path:
    """The file that says what a sandbox is."""
    return folder(arena).data_dir / "sandboxes" / sandbox_id / "record.json"


def test_isolation_is_stated_plainly(arena: Arena) -> None:
    """The sentence shown to a user names what agents share."""
    for word in ("your own user", "kernel", "network", "nothing limits"):
        assert word in arena.backend.isolation


async def test_a_killed_engine_takes_its_agents_along(arena: Arena) -> None:
    """After kill -9 the agent ends by itself on Linux; the next engine finds and ends what still runs."""
    kind = folder(arena)
    engine = subprocess.Popen(  # noqa: ASYNC220 - it ends before the loop does
        [sys.executable, "-c", ENGINE, kind.data_dir, kind.cache_dir, arena.owner, arena.images["probe"]],
        stdout=subprocess.PIPE,
        text=True,
    )
    with engine, contextlib.ExitStack() as whatever_happens:
        whatever_happens.callback(engine.kill)
        assert engine.stdout is not None
        assert engine.stdout.readline() == "started\n"
        agent = await Agent(arena.backend, "test-orphan", arena.http).ready()
        async with agent.post({"action": "leave_children"}) as answer:
            assert await answer.content.readline() == b"3 children\n"
            engine.kill()
            engine.wait()
            if sys.platform == "linux":

                async def ended() -> bool:
                    return not (await arena.backend.status("test-orphan")).running

                await eventually(ended)
            assert [sandbox.id for sandbox in await arena.backend.owned()] == ["test-orphan"]
            await arena.backend.stop("test-orphan", 2)
            async with asyncio.timeout(PATIENCE):
                assert await answer.content.read() == b""  # the children held the connection open

    marked = str(record(arena, "test-orphan").parent)
    assert not [process for process in psutil.process_iter() if marked in environment(process)]
    assert await arena.backend.owned() == []


def environment(process: psutil.Process) -> str:
    """The values of a process's variables; none if it is gone."""
    try:
        return "\n".join(process.environ().values())
    except psutil.Error:
        return ""


async def test_a_stranger_with_the_same_process_id_is_left_alone(arena: Arena) -> None:
    """A record whose process is gone, its id given out again, harms nobody and is cleared away."""
    agent = await (await arena.start()).ready()
    path = record(arena, agent.id)
    kept = json.loads(path.read_text())
    stranger = subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220 - killed below
    try:
        path.write_text(json.dumps(kept | {"leader": kept["leader"] | {"pid": stranger.pid}}))
        second = arena.kind.backend(arena.owner)
        assert not (await second.status(agent.id)).running
        await second.stop(agent.id, 0)

        assert stranger.poll() is None
        assert await second.owned() == []
    finally:
        stranger.kill()
        stranger.wait()


async def test_an_engine_that_died_while_starting(arena: Arena) -> None:
    """A sandbox of which only the record was written is listed, is not running, and can be stopped."""
    agent = await (await arena.start()).ready()
    path = record(arena, agent.id)
    kept = json.loads(path.read_text())
    leader = kept["leader"]["pid"]
    path.write_text(json.dumps(kept | {"leader": None}))
    second = arena.kind.backend(arena.owner)

    assert not (await second.status(agent.id)).running
    await second.stop(agent.id, 0)

    async def ended() -> bool:
        return not psutil.pid_exists(leader)

    await eventually(ended)  # known by its mark alone
    assert await second.owned() == []


async def test_a_start_given_up_can_be_stopped(arena: Arena) -> None:
    """A start that was cancelled leaves nothing behind once the sandbox is stopped."""
    image = await arena.backend.resolve(arena.images["probe"])
    for step in range(8):
        spec = SandboxSpec(f"test-given-up-{step}", image, 8080)
        start = asyncio.create_task(arena.backend.start(spec))
        for _ in range(step):
            await asyncio.sleep(0)
        start.cancel()
        await asyncio.wait([start])
        await arena.backend.stop(spec.id, 0)

    assert await arena.backend.owned() == []
    marked = str(folder(arena).data_dir / "sandboxes" / "test-given-up")
    assert not [process for process in psutil.process_iter() if marked in environment(process)]


async def test_an_emptied_cache_is_filled_again(arena: Arena) -> None:
    """An image whose virtual environment was cleared away starts with the very packages it was built with."""
    shutil.rmtree(folder(arena).cache_dir)

    agent = await (await arena.start("hello")).ready()

    async with agent.post({"prompt": "Ada"}) as answer:
        assert answer.status == 200


async def test_folders_an_agent_closed_are_removed(arena: Arena) -> None:
    """Modes an agent took away from its own folders do not keep its disk from being removed."""
    agent = await (await arena.start()).ready()
    closed = record(arena, agent.id).parent / "home" / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "inner").chmod(0o500)
    closed.chmod(0o500)

    await arena.backend.stop(agent.id, 0)

    assert not closed.parent.parent.exists()


@pytest.mark.parametrize("wrong", ["../images", "", ".", "a/b", "-rf"])
async def test_an_id_that_is_no_name_is_refused(arena: Arena, wrong: str) -> None:
    """An id can name no folder outside the sandboxes'."""
    image = await arena.backend.resolve(arena.images["probe"])

    with pytest.raises(SandboxError, match="no sandbox id"):
        await arena.backend.start(SandboxSpec(wrong, image, 8080))
    with pytest.raises(SandboxError, match="no sandbox id"):
        await arena.backend.stop(wrong, 0)


async def test_a_command_that_is_not_there(arena: Arena, tmp_path: Path) -> None:
    """The agent ends with a shell's code for it, and the log says what was not found."""
    (tmp_path / "Dockerfile").write_text('FROM python:3.11\nCMD ["no-such-program"]\n')
    uri = arena.kind.build(tmp_path, "registry/none:latest").uri
    arena.images = {**arena.images, "none": uri}
    agent = await arena.start("none")

    assert await agent.log("no-such-program: No such file or directory")

    async def code() -> int | None:
        return (await arena.backend.status(agent.id)).exit_code

    assert await eventually(code) == 127


async def test_a_killed_agent_has_a_shells_exit_code(arena: Arena) -> None:
    """An agent ended by a signal has 128 and the signal's number as its exit code."""
    agent = await (await arena.start()).ready()
    psutil.Process(json.loads(record(arena, agent.id).read_text())["leader"]["pid"]).send_signal(
        signal.SIGKILL
    )

    async def code() -> int | None:
        return (await arena.backend.status(agent.id)).exit_code

    assert await eventually(code) == 137


async def test_a_data_directory_that_cannot_be_made(kind: ProcessKind, tmp_path: Path) -> None:
    """The backend says at once that it cannot be used, and why."""
    (tmp_path / "file").touch()
    backend = ProcessBackend("test", data_dir=tmp_path / "file", cache_dir=kind.cache_dir)

    with pytest.raises(BackendUnavailable, match="file"):
        await backend.open()
