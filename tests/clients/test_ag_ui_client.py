"""A client made of the AG-UI package's own types against an AG-UI agent on the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ag_ui.core import Event, EventType, RunAgentInput, UserMessage
from httpx_sse import aconnect_sse
from pydantic import TypeAdapter

from tests.clients.sigv4 import http_client
from tests.clients.stage import SESSION_HEADER, Deployed, Stage, new_session_id

EVENTS: TypeAdapter[Any] = TypeAdapter(Event)
SESSION = new_session_id()


@pytest.fixture(scope="module")
def agent(stage: Stage) -> Iterator[Deployed]:
    """agui-agent, READY."""
    with stage.deployed("agui-agent", "AGUI") as deployed:
        yield deployed


def said(text: str, **state: Any) -> RunAgentInput:
    """What a user interface sends when its user has said something."""
    return RunAgentInput(
        thread_id="thread",
        run_id="run",
        state=state,
        messages=[UserMessage(id="message", role="user", content=text)],
        tools=[],
        context=[],
        forwarded_props={},
    )


async def run(agent: Deployed, asked: RunAgentInput) -> list[Any]:
    """The events of one run, each checked against the protocol's types."""
    body = asked.model_dump_json(by_alias=True)
    headers = {"Content-Type": "application/json", SESSION_HEADER: SESSION}
    async with (
        http_client(agent.engine, headers) as http,
        aconnect_sse(http, "POST", agent.invocations, content=body) as source,
    ):
        return [EVENTS.validate_json(event.data) async for event in source.aiter_sse()]


async def test_a_run_comes_as_events_in_the_protocols_order(agent: Deployed) -> None:
    """From RUN_STARTED to RUN_FINISHED, the text in pieces between, the shared state changed by the agent."""
    events = await run(agent, said("hello there", runs=4))
    assert [event.type for event in events] == [
        EventType.RUN_STARTED,
        EventType.STATE_SNAPSHOT,
        EventType.TEXT_MESSAGE_START,
        EventType.TEXT_MESSAGE_CONTENT,
        EventType.TEXT_MESSAGE_CONTENT,
        EventType.TEXT_MESSAGE_END,
        EventType.RUN_FINISHED,
    ]
    assert events[1].snapshot == {"runs": 5}
    assert "".join(event.delta for event in events[3:5]) == "hello there "
    assert (events[-1].thread_id, events[-1].run_id) == ("thread", "run")


async def test_an_agent_that_fails_in_the_middle_ends_its_run_itself(agent: Deployed) -> None:
    """What the agent had sent arrives, and its own RUN_ERROR is the last event."""
    events = await run(agent, said("then fail"))
    assert [event.type for event in events][-2:] == [EventType.TEXT_MESSAGE_CONTENT, EventType.RUN_ERROR]
    assert events[-1].message == "asked to fail"


async def test_what_the_container_refuses_is_an_event_too(agent: Deployed) -> None:
    """An input the SDK answers with 400 reaches an interface as RUN_ERROR, which is all it can read."""
    headers = {"Content-Type": "application/json", SESSION_HEADER: SESSION}
    async with (
        http_client(agent.engine, headers) as http,
        aconnect_sse(http, "POST", agent.invocations, content=b'{"threadId": 1}') as source,
    ):
        [event] = [EVENTS.validate_json(event.data) async for event in source.aiter_sse()]
    assert (event.type, event.code) == (EventType.RUN_ERROR, "AGENT_ERROR")
