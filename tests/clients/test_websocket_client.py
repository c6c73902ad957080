"""The `websockets` package, led to /ws by the SDK's own helper, talks to agents that keep a connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from ag_ui.core import RunAgentInput, UserMessage
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agentcore_lab.accounts.handed_out import credentials_for
from tests.clients.stage import SESSION_HEADER, Deployed, Stage, new_session_id
from tests.signing import signed

# The SDK's own: its models are configured in a way that Pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`:DeprecationWarning")


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """websocket-agent, READY."""
    with stage.deployed("websocket-agent") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def session_id() -> str:
    """All connections of these tests belong to one session."""
    return new_session_id()


def opened(agent: Deployed, session_id: str) -> connect:
    """A connection, its URL and signed headers made by the SDK for AWS, its address the engine's."""
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient

    client: Any = AgentCoreRuntimeClient(region="us-west-2")
    url, headers = client.generate_ws_connection(agent.arn, session_id=session_id)
    client.cp_client.close()
    client.dp_client.close()
    assert url.startswith("wss://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/")
    given = {name: value for name, value in headers.items() if name.startswith(("X-Amz", "Authorization"))}
    at = urlsplit(agent.engine.url)
    return connect(
        url.replace("wss://", "ws://"),
        additional_headers=given,
        open_timeout=180,
        host=at.hostname,
        port=at.port,
    )


@pytest.fixture(autouse=True)
def credentials(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the SDK signs with."""
    for name, value in credentials_for(stage.engine).environment().items():
        monkeypatch.setenv(name, value)


async def received(connection: ClientConnection) -> Any:
    """The next message, read as JSON."""
    return json.loads(await connection.recv())


async def test_texts_and_bytes_come_back(agent: Deployed, session_id: str) -> None:
    """Messages keep their kind and order; the agent knows its session."""
    async with opened(agent, session_id) as connection:
        await connection.send("hello")
        assert await received(connection) == {"echo": "hello", "messages": 1, "session": session_id}
        await connection.send(bytes(range(256)))
        assert await connection.recv() == bytes(range(256))
        await connection.send("again")
        assert (await received(connection))["messages"] == 3


async def test_an_agent_may_speak_unasked(agent: Deployed, session_id: str) -> None:
    """One message in, many out, each of them whole."""
    async with opened(agent, session_id) as connection:
        await connection.send("count 40")
        assert [(await received(connection))["number"] for _ in range(40)] == list(range(1, 41))


@pytest.mark.parametrize(("order", "code"), [("close 4001", 4001), ("fail", 1011)])
async def test_the_agents_close_code_reaches_the_client(
    agent: Deployed, session_id: str, order: str, code: int
) -> None:
    """The agent's own code, and 1011 for an agent that fails."""
    async with opened(agent, session_id) as connection:
        await connection.send(order)
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_ag_ui_runs_over_a_connection_too(stage: Stage) -> None:
    """The same events as over SSE, one a message."""
    asked = RunAgentInput(
        thread_id="thread",
        run_id="run",
        state={},
        messages=[UserMessage(id="message", role="user", content="hello")],
        tools=[],
        context=[],
        forwarded_props={},
    )
    with stage.deployed("agui-agent", "AGUI") as agent:
        url = agent.invocations.replace("http://", "ws://").removesuffix("/invocations") + "/ws"
        headers = {SESSION_HEADER: new_session_id()}
        async with connect(
            url, additional_headers=signed("GET", url, headers=headers), open_timeout=60
        ) as connection:
            await connection.send(asked.model_dump_json(by_alias=True))
            events = [str(message).removeprefix("data: ").strip() async for message in connection]
    types = [json.loads(event)["type"] for event in events]
    assert (types[0], types[-1]) == ("RUN_STARTED", "RUN_FINISHED")
    assert "TEXT_MESSAGE_CONTENT" in types
