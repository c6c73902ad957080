"""Commands and shells beside an agent: the same tests on every backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

from agentcore_lab.clock import stopwatch
from agentcore_lab.sandbox.base import SandboxError
from agentcore_lab.sandbox.commands import SHELL, NoSuchProgram, RunningCommand, Size, Terminal
from agentcore_lab.sandbox.docker_container import container_name
from agentcore_lab.sandbox.docker_host import connect
from tests.patience import PATIENCE
from tests.sandbox.arena import Agent, Arena


async def outcome(command: RunningCommand) -> tuple[int, bytes, bytes]:
    """The exit code, and all of stdout and of stderr."""
    written = {"stdout": b"", "stderr": b""}
    async for piece in command.output():
        written[piece.stream] += piece.data
    return await command.exit_code(), written["stdout"], written["stderr"]


async def bash(agent: Agent, script: str) -> tuple[int, bytes, bytes]:
    """What became of ``bash -c script``."""
    async with asyncio.timeout(PATIENCE), agent.backend.run(agent.id, [SHELL, "-c", script]) as command:
        return await outcome(command)


async def shown(terminal: Terminal, wanted: bytes) -> bytes:
    """What a terminal shows until ``wanted`` is among it."""
    seen = b""
    async with asyncio.timeout(PATIENCE):
        while wanted not in seen:
            data = await terminal.read()
            assert data, f"the shell ended after {seen!r}"
            seen += data
    return seen


async def test_stdout_stderr_and_exit_code(arena: Arena) -> None:
    """What a command writes arrives apart, byte for byte, and the exit code is its own."""
    agent = await arena.start()

    assert await bash(agent, r"printf 'a\0\xff\n'; echo wrong >&2; exit 3") == (3, b"a\0\xff\n", b"wrong\n")
    assert await bash(agent, "exit 0") == (0, b"", b"")
    assert (await bash(agent, "no_such_program_here"))[0] == 127
    assert (await bash(agent, "kill -TERM $$"))[0] == 128 + 15


async def test_a_command_is_in_the_agents_surroundings(arena: Arena) -> None:
    """It works in the image's folder, with the image's and the runtime's environment, on the sandbox's own files."""
    agent = await (await arena.start(PROBE_PLAIN="größe")).ready()
    folder = (await agent.invoke("about"))["folder"]

    code, out, _ = await bash(
        agent, 'pwd; cat edition.txt; echo "$PROBE_FROM_IMAGE $PROBE_PLAIN"; touch by-command'
    )

    assert (code, out.decode().splitlines()) == (0, [folder, "one", "image größe"])
    assert (await agent.invoke("kept", name="by-command"))["work"]


async def test_files_given_to_a_sandbox(arena: Arena) -> None:
    """A program finds each by a variable that names it; the container engine shows none of it."""
    agent = await arena.start(GIVEN="/run/given/secret", files={"/run/given/secret": "canary\n"})
    assert await bash(agent, 'cat "$GIVEN"; env | grep -c canary') == (1, b"canary\n0\n", b"")
    if arena.backend.name == "docker":
        client = connect()
        inspected = str(client.api.inspect_container(container_name(agent.id)))
        client.close()
        assert "/run/given/secret" in inspected
        assert "canary" not in inspected


async def test_commands_have_no_input(arena: Arena) -> None:
    """A command that reads its input finds the end of it."""
    assert await bash(await arena.start(), "cat; echo read") == (0, b"read\n", b"")


async def test_much_output(arena: Arena) -> None:
    """20 MB arrive whole, in pieces."""
    agent = await arena.start()
    count: Counter[bytes] = Counter()
    pieces = 0

    async with agent.backend.run(
        agent.id, [SHELL, "-c", "head -c 20000000 /dev/zero | tr '\\0' x; echo end >&2"]
    ) as command:
        async for piece in command.output():
            count[piece.stream.encode()] += len(piece.data)
            pieces += 1
            assert len(piece.data) <= 64 * 1024
        assert await command.exit_code() == 0

    assert count == {b"stdout": 20_000_000, b"stderr": 4}
    assert pieces > 100


async def test_output_arrives_while_the_command_runs(arena: Arena) -> None:
    """The first line is here long before the command ends."""
    agent = await arena.start()
    began = stopwatch()
    async with agent.backend.run(agent.id, [SHELL, "-c", "echo now; sleep 600"]) as command:
        async for piece in command.output():
            assert piece.data == b"now\n"
            break
    assert stopwatch() - began < PATIENCE


async def test_kill_takes_all_a_command_started(arena: Arena) -> None:
    """A pipeline, what runs in the background and what left the session end with it; the agent does not notice."""
    agent = await (await arena.start()).ready()
    away = "import os; os.setsid(); print('away', flush=True); os.execlp('sleep', 'sleep', '612')"
    script = f'sleep 611 | cat & python3 -c "{away}" & env -i sleep 613 & echo started; sleep 614'
    async with agent.backend.run(agent.id, [SHELL, "-c", script]) as command:
        said = b""
        async for piece in command.output():
            said += piece.data
            if b"started\n" in said and b"away\n" in said:
                assert len(await sleepers(agent)) >= 3
                await command.kill()
        assert await command.exit_code() == 128 + 9

    assert await sleepers(agent) == []
    assert await agent.invoke("remember", word="still here") == {"remembered": ["still here"]}


async def test_leaving_early_kills(arena: Arena) -> None:
    """A caller that gives up, by an error or by being cancelled, leaves nothing behind."""
    agent = await arena.start()

    async def reader() -> None:
        async with agent.backend.run(agent.id, [SHELL, "-c", "echo started; sleep 615"]) as command:
            async for _ in command.output():
                reading.set()

    reading = asyncio.Event()
    task = asyncio.create_task(reader())
    await asyncio.wait_for(reading.wait(), PATIENCE)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await sleepers(agent) == []


async def test_what_is_left_in_the_background_lives_on(arena: Arena) -> None:
    """A server that a command starts serves after the command has ended, though it holds the command's output."""
    agent = await arena.start()

    assert await bash(agent, "sleep 616 & echo started") == (0, b"started\n", b"")

    assert await sleepers(agent) == ["616"]


async def test_commands_run_side_by_side(arena: Arena) -> None:
    """Twelve commands, more than there are threads to the engine, wait for one another inside, and end."""
    agent = await arena.start()
    script = "touch here.{0}; until [[ $(echo here.* | wc -w) == 12 ]]; do sleep 0.2; done; echo {0}"

    found = await asyncio.gather(*(bash(agent, script.format(n)) for n in range(12)))

    assert found == [(0, f"{n}\n".encode(), b"") for n in range(12)]


async def test_no_such_program(arena: Arena) -> None:
    """A program that is not there is told by its name, and is no output."""
    agent = await arena.start()

    with pytest.raises(NoSuchProgram, match="/bin/nobash"):
        async with agent.backend.run(agent.id, ["/bin/nobash", "-c", "true"]) as command:
            await outcome(command)


async def test_no_such_sandbox(arena: Arena) -> None:
    """Commands and shells need a sandbox."""
    with pytest.raises(SandboxError, match="does not run"):
        async with arena.backend.run("test-nobody", [SHELL]):
            pass
    with pytest.raises(SandboxError, match="does not run"):
        await arena.backend.open_shell("test-nobody", Size(80, 24))


async def test_stop_ends_commands_and_shells(arena: Arena) -> None:
    """They are the sandbox's: its end is theirs."""
    agent = await arena.start()
    terminal = await agent.backend.open_shell(agent.id, Size(80, 24))
    await terminal.write(b"echo a shell\n")
    await shown(terminal, b"a shell\r\n")
    async with agent.backend.run(agent.id, [SHELL, "-c", "echo started; sleep 617"]) as command:
        async for piece in command.output():
            assert piece.data == b"started\n"
            await agent.backend.stop(agent.id, 1)
        # What it ended with may be lost with the sandbox; that it has ended is not.
        with contextlib.suppress(SandboxError):
            assert await command.exit_code() in {128 + 9, 128 + 15}

    async with asyncio.timeout(PATIENCE):
        while await terminal.read():
            pass
    with contextlib.suppress(SandboxError):
        await terminal.close()


async def test_a_shell_is_at_a_terminal(arena: Arena) -> None:
    """It has a terminal with a size, keeps its state, and its Ctrl-C ends what runs in it but not the shell."""
    agent = await arena.start()
    terminal = await agent.backend.open_shell(agent.id, Size(columns=101, rows=31))
    try:
        await terminal.write(b"tty -s && stty size && echo $TERM; x=41; cd /\n")
        assert b"31 101\r\nxterm-256color" in await shown(terminal, b"color\r\n")
        await terminal.resize(Size(columns=99, rows=29))
        await terminal.write(b"stty size; echo $((x + 1)) in $PWD\n")
        assert b"29 99\r\n" in await shown(terminal, b"42 in /\r\n")
        await terminal.write(b"echo sleeps; sleep 618\n")
        await shown(terminal, b"sleeps\r\n")
        await asyncio.sleep(0.5)  # the shell hands the terminal to what it starts
        await terminal.write(b"\x03")
        await terminal.write(b"echo code $?\n")
        await shown(terminal, b"code 130\r\n")
    finally:
        await terminal.close()


async def test_a_shell_that_exits(arena: Arena) -> None:
    """The terminal ends, and the exit code is the shell's; writing to it afterwards does no harm."""
    agent = await arena.start()
    terminal = await agent.backend.open_shell(agent.id, Size(80, 24))
    await terminal.write(b"exit 7\n")

    async with asyncio.timeout(PATIENCE):
        while await terminal.read():
            pass

    assert await terminal.exit_code() == 7
    await terminal.write(b"echo nobody\n")
    await terminal.close()


async def test_close_ends_a_shell(arena: Arena) -> None:
    """Closing ends the shell, what runs in it, and its jobs."""
    agent = await arena.start()
    terminal = await agent.backend.open_shell(agent.id, Size(80, 24))
    await terminal.write(b"sleep 619 & sleep 620 | cat & echo jobs; sleep 621\n")
    await shown(terminal, b"jobs\r\n")

    await terminal.close()

    assert await sleepers(agent) == []


async def sleepers(agent: Agent) -> list[str]:
    """How long the sleeps that run in the sandbox are to take: asked of /proc, as images have no ps."""
    script = r"""
        for folder in /proc/[0-9]*; do
          mapfile -d '' -t words < "$folder/cmdline" && [[ ${words[*]} =~ (^|[/ ])sleep\ (6[12][0-9])$ ]] &&
            echo "${BASH_REMATCH[2]}"
        done 2>/dev/null; true"""
    _, out, _ = await bash(agent, script)
    return sorted(out.decode().split())
