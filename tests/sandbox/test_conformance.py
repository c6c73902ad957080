"""What the engine relies on, whatever it is that runs the agents: the same tests on every backend."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from agentcore_lab.clock import stopwatch
from agentcore_lab.sandbox.base import ImageNotFound, SandboxError, SandboxSpec, SandboxStatus
from tests.patience import PATIENCE
from tests.sandbox.arena import AGENTS, Arena, edited, eventually

GRACE = 60.0


async def test_resolve_names_what_was_built(arena: Arena) -> None:
    """An image resolves to an immutable digest and an architecture in OCI's words."""
    image = await arena.backend.resolve(arena.images["probe"])

    assert image.uri == arena.images["probe"]
    assert image.digest.startswith("sha256:")
    assert image.architecture in {"arm64", "amd64"}


async def test_resolve_of_an_unknown_image(arena: Arena) -> None:
    """An image nobody built is ImageNotFound, and the message names it."""
    with pytest.raises(ImageNotFound, match="agentcore-lab-test-nobody"):
        await arena.backend.resolve(
            "123456789012.dkr.ecr.us-west-2.amazonaws.com/agentcore-lab-test-nobody:v1"
        )


async def test_sandboxes_start_from_the_digest(arena: Arena, tmp_path: Path) -> None:
    """Moving the tag to another build does not change what an image resolved before starts."""
    uri = "123456789012.dkr.ecr.us-west-2.amazonaws.com/agentcore-lab-test-moving:latest"
    arena.images = {**arena.images, "moving": uri}
    await asyncio.to_thread(arena.kind.build, AGENTS / "probe", uri)
    before = await arena.backend.resolve(uri)
    await asyncio.to_thread(
        arena.kind.build, edited(AGENTS / "probe", tmp_path / "probe", edition__txt="two"), uri
    )

    newer = await arena.start("moving")
    older = await arena.start("moving", image=before)

    assert (await (await newer.ready()).invoke("about"))["edition"] == "two"
    assert (await (await older.ready()).invoke("about"))["edition"] == "one"


async def test_an_sdk_agent_answers(arena: Arena) -> None:
    """An agent made with the bedrock-agentcore SDK, which serves a port fixed in its code, is reached."""
    agent = await (await arena.start("hello")).ready()

    async with agent.post({"prompt": "Ada"}) as answer:
        assert answer.status == 200
        assert "Ada" in (await answer.json())["answer"]


async def test_sandboxes_side_by_side_share_nothing(arena: Arena) -> None:
    """Two sandboxes of one image have a memory, a working folder, a home and a temporary folder each."""
    one, two = await asyncio.gather(arena.start(), arena.start())
    await asyncio.gather(one.ready(), two.ready())

    await one.invoke("remember", word="mine")
    kept = await one.invoke("keep", name="mine.txt")

    assert kept == {"work": True, "home": True, "tmp": True}
    assert await one.invoke("remember", word="too") == {"remembered": ["mine", "too"]}
    assert await two.invoke("remember", word="yours") == {"remembered": ["yours"]}
    assert await two.invoke("kept", name="mine.txt") == {"work": False, "home": False, "tmp": False}


async def test_an_agent_changes_no_image(arena: Arena) -> None:
    """What one sandbox writes is not there in the next of the same image."""
    first = await (await arena.start()).ready()
    await first.invoke("keep", name="traces.txt")
    await arena.backend.stop(first.id, 5)

    second = await (await arena.start()).ready()

    assert not any((await second.invoke("kept", name="traces.txt")).values())


async def test_environment(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent sees the image's variables and the runtime's, which win, and none of the engine's."""
    monkeypatch.setenv("PROBE_CANARY", "canary-7f3a")
    agent = await arena.start(PROBE_OVERRIDDEN="runtime", PROBE_PLAIN="größe = 1\n2")
    environment = (await (await agent.ready()).invoke("about"))["environment"]

    assert environment["PROBE_FROM_IMAGE"] == "image"
    assert environment["PROBE_OVERRIDDEN"] == "runtime"
    assert environment["PROBE_PLAIN"] == "größe = 1\n2"
    assert "canary-7f3a" not in "\n".join(environment.values())


async def test_logs(arena: Arena) -> None:
    """Logs hold stdout and stderr, line by line, and give the last lines that were asked for."""
    agent = await (await arena.start()).ready()

    await agent.invoke("say", out=["first", "", "third — ü"], err=["to stderr"])
    lines = await agent.log("first", "third — ü", "to stderr")

    assert [line for line in lines if line != "to stderr"] == ["first", "", "third — ü"]
    await agent.invoke("say", out=[f"line {n}" for n in range(50)])
    await agent.log("line 49")
    assert await arena.backend.logs(agent.id, 2) == ["line 48", "line 49"]
    assert await arena.backend.logs(agent.id, 0) == []


async def test_much_output_does_not_block_the_agent(arena: Arena) -> None:
    """An agent that writes 20 MB still answers, and its last line is in the log."""
    agent = await (await arena.start()).ready()

    await agent.invoke("flood", kilobytes=20 * 1024)

    assert (await agent.log("the end", tail=3))[-1] == "the end"


async def test_a_crash_at_start(arena: Arena) -> None:
    """An agent that ends at once is not running, and its exit code and last words stay to be read."""
    agent = await arena.start(PROBE_MODE="crash")

    async def ended() -> SandboxStatus | None:
        status = await arena.backend.status(agent.id)
        return None if status.running else status

    assert await eventually(ended) == SandboxStatus(running=False, exit_code=1)
    assert await agent.log("about to fail", "Traceback: no such thing")


async def test_a_crash_later(arena: Arena) -> None:
    """An agent that ends after it answered has its exit code in the status."""
    agent = await (await arena.start()).ready()
    assert (await arena.backend.status(agent.id)).running

    await agent.invoke("end", code=42)

    async def ended() -> SandboxStatus | None:
        status = await arena.backend.status(agent.id)
        return None if status.running else status

    assert await eventually(ended) == SandboxStatus(running=False, exit_code=42)


async def test_usage(arena: Arena) -> None:
    """Processor time grows as the agent works; what does not run, or never was, has no usage."""
    agent = await (await arena.start()).ready()
    before = await arena.backend.usage(agent.id)
    assert before is not None
    assert before.cpu_seconds > 0
    assert before.memory_bytes > 1024 * 1024
    assert before.memory_limit is None or before.memory_limit > before.memory_bytes

    await agent.invoke("flood", kilobytes=20 * 1024)

    after = await arena.backend.usage(agent.id)
    assert after is not None
    assert after.cpu_seconds > before.cpu_seconds
    crashed = await arena.start(PROBE_MODE="crash")

    async def ended() -> bool:
        return not (await arena.backend.status(crashed.id)).running

    await eventually(ended)
    assert await arena.backend.usage(crashed.id) is None
    assert await arena.backend.usage("test-that-never-was") is None


async def test_other_ports_of_a_sandbox(arena: Arena) -> None:
    """What something inside serves at one of the spec's other ports is reached, side by side, and no other port is."""
    ports = (range(9000, 9003), range(9100, 9101))
    agents = [await (await arena.start(ports=ports)).ready() for _ in range(2)]
    bases = []
    for agent in agents:
        await agent.invoke("serve", port=9001)
        await agent.invoke("serve_in_a_child", port=9100)
        for port, path, wanted in ((9001, "/a?b=c", "9001 /a?b=c"), (9100, "/edition.txt", "one")):
            assert wanted in await got(arena, agent.id, port, path)
        bases.append(await arena.backend.address(agent.id, 9001))
        assert await arena.backend.address(agent.id, 8080) == await agent.address()
        assert await arena.backend.address(agent.id, 9003) is None
        assert await arena.backend.address(agent.id, 22) is None
    assert len(set(bases)) == 2
    assert await arena.backend.address("test-that-never-was", 9001) is None


async def got(arena: Arena, sandbox_id: str, port: int, path: str) -> str:
    """The answer of a server inside, once it is there."""

    async def answer() -> str | None:
        base = await arena.backend.address(sandbox_id, port)
        if base is None:
            return None
        try:
            async with arena.http.get(base + path) as response:
                return await response.text()
        except aiohttp.ClientConnectionError:
            return None

    return await eventually(answer)


async def test_stop_lets_the_agent_finish(arena: Arena) -> None:
    """The agent hears SIGTERM and is given time; a stop takes no longer than the agent needs."""
    agent = await (await arena.start()).ready()

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(agent.invoke("until_terminated"))
        await agent.invoke("remember", word="the other request is under way")
        began = stopwatch()
        await arena.backend.stop(agent.id, GRACE)

    assert answer.result() == {"ended by": "SIGTERM"}
    assert stopwatch() - began < GRACE


async def test_stop_ends_an_agent_that_will_not(arena: Arena) -> None:
    """An agent that ignores SIGTERM has its grace and is killed then."""
    agent = await (await arena.start(PROBE_MODE="stubborn")).ready()

    began = stopwatch()
    await arena.backend.stop(agent.id, 1)

    assert stopwatch() - began >= 1
    assert not (await arena.backend.status(agent.id)).running


async def test_stop_leaves_nothing(arena: Arena) -> None:
    """After a stop nothing is known of the sandbox, and stopping it again, or one that never was, is no error."""
    agent = await (await arena.start()).ready()

    await arena.backend.stop(agent.id, 5)
    await arena.backend.stop(agent.id, 5)
    await arena.backend.stop("test-that-never-was", 5)

    assert await arena.backend.owned() == []
    assert await arena.backend.status(agent.id) == SandboxStatus(running=False)
    assert await arena.backend.address(agent.id) is None
    assert await arena.backend.logs(agent.id, 10) == []


async def test_stop_takes_the_children_along(arena: Arena) -> None:
    """Processes the agent started end with it, wherever they went."""
    agent = await (await arena.start()).ready()

    async with agent.post({"action": "leave_children"}) as answer:
        assert await answer.content.readline() == b"3 children\n"
        await arena.backend.stop(agent.id, 2)
        async with asyncio.timeout(PATIENCE):
            assert await answer.content.read() == b""  # the children held the connection open


async def test_owned(arena: Arena) -> None:
    """A backend lists its owner's sandboxes with their labels, ended ones too, and no other owner's."""
    running, crashed = await arena.start(), await arena.start(PROBE_MODE="crash")
    stranger = arena.kind.backend(f"{arena.owner}-stranger")
    await stranger.open()

    owned = {sandbox.id: dict(sandbox.labels) for sandbox in await arena.backend.owned()}

    assert owned.keys() == {running.id, crashed.id}
    assert all(labels["session"] == "s-1" for labels in owned.values())
    assert await stranger.owned() == []
    await stranger.close()


async def test_a_restarted_engine_ends_what_the_first_left(arena: Arena) -> None:
    """A second backend of the same owner knows a sandbox's state and address, and can stop it."""
    agent = await (await arena.start()).ready()
    second = arena.kind.backend(arena.owner)
    await second.open()

    assert [sandbox.id for sandbox in await second.owned()] == [agent.id]
    assert (await second.status(agent.id)).running
    assert await second.address(agent.id) == await agent.address()
    await second.stop(agent.id, 5)

    assert await second.owned() == []
    assert not (await arena.backend.status(agent.id)).running
    await second.close()


async def test_many_at_once(arena: Arena) -> None:
    """Sandboxes started together all answer, each at an address of its own."""
    agents = await asyncio.gather(*(arena.start() for _ in range(4)))
    await asyncio.gather(*(agent.ready() for agent in agents))

    assert len({await agent.address() for agent in agents}) == 4


async def test_an_id_is_used_once(arena: Arena) -> None:
    """Starting a second sandbox under an id in use fails and leaves the first as it was."""
    agent = await (await arena.start()).ready()
    image = await arena.backend.resolve(arena.images["probe"])

    with pytest.raises(SandboxError):
        await arena.backend.start(SandboxSpec(agent.id, image, 8080))

    assert await agent.invoke("remember", word="still here") == {"remembered": ["still here"]}
