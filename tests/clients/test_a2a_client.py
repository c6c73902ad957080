"""The A2A SDK's client against an A2A agent on the engine: card, streamed task, task looked up again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import get_artifact_text, get_message_text, new_text_message
from a2a.types import AgentCard, GetTaskRequest, Role, SendMessageRequest, StreamResponse, TaskState

from tests.clients.sigv4 import http_client
from tests.clients.stage import SESSION_HEADER, Deployed, Stage, new_session_id


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """a2a-agent; a header of the protocol must reach it, in which clients say which version they speak."""
    with stage.deployed("a2a-agent", "A2A", headers=["A2A-Version"]) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def session_id() -> str:
    """All of these tests speak in one session: an agent's tasks live in its sandbox."""
    return new_session_id()


@asynccontextmanager
async def connected(
    agent: Deployed, session_id: str, *, streaming: bool
) -> AsyncIterator[tuple[Client, AgentCard]]:
    """A client made from the agent's own card."""
    async with http_client(agent.engine, {SESSION_HEADER: session_id}) as http:
        card = await A2ACardResolver(http, agent.invocations).get_agent_card()
        yield ClientFactory(ClientConfig(streaming=streaming, httpx_client=http)).create(card), card


def say(text: str) -> SendMessageRequest:
    """A user's message."""
    return SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))


def told(event: StreamResponse) -> str:
    """What an event of a stream says, in a word or two."""
    if event.HasField("artifact_update"):
        return get_artifact_text(event.artifact_update.artifact)
    status = event.task.status if event.HasField("task") else event.status_update.status
    state: str = TaskState.Name(status.state)
    return state.removeprefix("TASK_STATE_").lower()


async def test_the_card_is_the_agents_own(agent: Deployed, session_id: str) -> None:
    """The card is found where clients look for it below the invocation URL, and by GetAgentCard."""
    async with connected(agent, session_id, streaming=True) as (_, card):
        assert (card.name, card.skills[0].id, card.capabilities.streaming) == ("reader", "read", True)
        # The agent learned from the platform where it is to be found.
        assert card.supported_interfaces[0].url == f"{agent.invocations}/"
    answer = agent.aws.data.get_agent_card(agentRuntimeArn=agent.arn, runtimeSessionId=session_id)
    assert answer["agentCard"]["name"] == "reader"


async def test_a_task_is_streamed_word_by_word(agent: Deployed, session_id: str) -> None:
    """Every event of the task's life arrives, in order; the address ends in a slash as cards publish it."""
    async with connected(agent, session_id, streaming=True) as (client, _):
        events = [told(event) async for event in client.send_message(say("one two three"))]
    assert events == ["submitted", "working", "one", "two", "three", "completed"]


async def test_a_task_can_be_waited_for_and_looked_up(agent: Deployed, session_id: str) -> None:
    """Without streaming the whole task is the answer; a later call of the session still knows it."""
    async with connected(agent, session_id, streaming=False) as (client, _):
        [answer] = [event async for event in client.send_message(say("once upon"))]
        task = await client.get_task(GetTaskRequest(id=answer.task.id))
    assert told(answer) == "completed"
    assert get_artifact_text(task.artifacts[0]).split() == ["once", "upon"]
    assert get_message_text(task.status.message) == "2 words."


async def test_the_agents_own_refusal_comes_back_as_it_is(agent: Deployed, session_id: str) -> None:
    """A JSON-RPC error that the agent answers with is an answer, not a failure of the platform."""
    call = {"jsonrpc": "2.0", "id": "x", "method": "NoSuchMethod", "params": {}}
    async with http_client(agent.engine, {SESSION_HEADER: session_id}) as http:
        answer = await http.post(agent.invocations, json=call)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32601)
