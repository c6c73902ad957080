"""Commands and shells of a real agent on every sandbox, through the engine as a user runs it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agentcore_lab.images.choose import builder_for
from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from tests.conftest import Clients, clients_of
from tests.programs import ROOT, Program, Serving
from tests.runtime.sdk_shells import LocalClient, ShellChannel, ShellSession
from tests.runtime.test_commands import chunks, run, start
from tests.runtime.test_control_plane import create, settled
from tests.runtime.test_invocations import invoke

URI = "123456789012.dkr.ecr.us-west-2.amazonaws.com/agentcore-lab-test-commands:latest"
PRIVATE = 'cd "${TMPDIR:-/tmp}"'
"""To a folder the agent's user may write to, on every sandbox its own."""
PATIENCE = 60.0


@dataclass(frozen=True)
class Stage:
    """A running engine with a READY runtime of hello-agent."""

    serving: Serving
    aws: Clients
    arn: str


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=pytest.mark.docker),
    ],
)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An engine on each sandbox, one after the other."""
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    with program.serving("--sandbox", request.param, "--port", "0") as serving:
        build(request.param, Settings.load(data_dir=program.data_dir))
        aws = clients_of(serving.engine.url)
        created = create(aws, f"agent_{uuid.uuid4().hex[:8]}", URI)
        yield Stage(serving, aws, settled(aws, created["agentRuntimeId"])["agentRuntimeArn"])


def build(sandbox: str, settings: Settings) -> None:
    """Make URI name hello-agent's image."""
    client = connect() if sandbox == "docker" else None
    try:
        builder = DockerBuilder(settings.cache_dir, client) if client else builder_for(sandbox, settings)
        builder.build(ROOT / "containers" / "hello-agent", URI, on_step=lambda _: None)
    finally:
        if client is not None:
            client.close()


def test_a_command_sees_the_agents_session(stage: Stage) -> None:
    """Same files and environment as the agent, a process of its own for each command, and the exit code."""
    session_id = str(uuid.uuid4())
    invoke(stage.aws, stage.arn, b'{"prompt": "Ada"}', runtimeSessionId=session_id)

    out, err, end = run(
        stage.aws,
        stage.arn,
        f"ls agent.py; echo $AWS_REGION; echo oops >&2; x=1; {PRIVATE}; echo kept > kept.txt; exit 4",
        runtimeSessionId=session_id,
    )
    again, _, _ = run(
        stage.aws, stage.arn, f'{PRIVATE}; cat kept.txt; echo "x is $x"', runtimeSessionId=session_id
    )

    assert (out, err, end) == ("agent.py\nus-west-2\n", "oops\n", {"exitCode": 4, "status": "COMPLETED"})
    assert again == "kept\nx is \n"


def test_a_command_that_takes_too_long_is_gone(stage: Stage) -> None:
    """All of it is ended, and the agent still answers."""
    session_id = str(uuid.uuid4())
    script = f"{PRIVATE}; touch running; (sleep 5; rm running) & echo begun; sleep 600"

    out, _, end = run(stage.aws, stage.arn, script, timeout=2, runtimeSessionId=session_id)

    assert (out, end) == ("begun\n", {"exitCode": -1, "status": "TIMED_OUT"})
    assert (
        run(stage.aws, stage.arn, f"{PRIVATE}; sleep 5; ls running", runtimeSessionId=session_id)[0]
        == "running\n"
    )
    invoke(stage.aws, stage.arn, b'{"prompt": "Ada"}', runtimeSessionId=session_id)


def test_a_caller_who_leaves_ends_the_command(stage: Stage) -> None:
    """Nothing goes on in the sandbox for a caller who is gone."""
    session_id = str(uuid.uuid4())
    script = f"{PRIVATE}; echo begun; while true; do date +%s%N > ticking; sleep 0.1; done"
    events = iter(chunks(answer := start(stage.aws, stage.arn, script, runtimeSessionId=session_id)))
    assert [next(events), next(events)][1] == {"contentDelta": {"stdout": "begun\n"}}
    answer["stream"].close()

    out, _, _ = run(
        stage.aws,
        stage.arn,
        f"{PRIVATE}; while a=$(cat ticking); do sleep 1; [[ $a == $(cat ticking) ]] && echo stopped && break; done",
        runtimeSessionId=session_id,
    )

    assert out == "stopped\n"


async def test_a_shell_of_the_sdks_client(stage: Stage) -> None:
    """It keeps its state, is found again after its client has left, and ends with its exit code."""
    client, session_id = LocalClient(stage.serving.engine), str(uuid.uuid4())
    async with asyncio.timeout(PATIENCE):
        async with ShellSession(client, stage.arn, session_id, "mine") as shell:
            await shell.resize(101, 31)
            await shell.send("x=41; stty size; ls\n")
            seen = await text(shell, "requirements.txt")
            assert "31 101" in seen
            assert "agent.py" in seen
        async with ShellSession(client, stage.arn, session_id, "mine") as shell:
            assert "requirements.txt" in await text(shell, "requirements.txt")  # shown again
            await shell.send("echo $((x + 1)) is it; exit 3\n")
            await text(shell, "42 is it")
            assert ShellChannel.STATUS in [frame.channel async for frame in shell]
            assert shell.exit_code == 3


async def text(shell: ShellSession, wanted: str) -> str:
    """What a shell shows until ``wanted`` is among it."""
    seen = ""
    async for frame in shell:
        seen += frame.text
        if wanted in seen:
            return seen
    raise AssertionError(f"it ended after {seen!r}")
