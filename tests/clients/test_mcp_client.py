"""The official MCP client against an MCP server on the engine, with nothing between but signed HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import GetSessionIdCallback, streamable_http_client
from mcp.types import ElicitRequestParams, ElicitResult

from tests.clients.sigv4 import http_client
from tests.clients.stage import Deployed, Stage


@pytest.fixture(scope="module")
def stateless(stage: Stage) -> Iterator[Deployed]:
    """mcp-server as AgentCore would have it by default."""
    with stage.deployed("mcp-server", "MCP") as server:
        yield server


@pytest.fixture(scope="module")
def stateful(stage: Stage) -> Iterator[Deployed]:
    """mcp-server that keeps sessions of its own."""
    with stage.deployed("mcp-server", "MCP", STATEFUL="1") as server:
        yield server


@asynccontextmanager
async def connected(
    server: Deployed, **options: Any
) -> AsyncIterator[tuple[ClientSession, GetSessionIdCallback]]:
    """An initialized client session, and where its Mcp-Session-Id is found."""
    url = f"{server.invocations}?qualifier=DEFAULT"
    async with (
        http_client(server.engine) as http,
        streamable_http_client(url, http_client=http) as (read, write, session_id),
        ClientSession(read, write, **options) as session,
    ):
        await session.initialize()
        yield session, session_id


async def value(session: ClientSession, tool: str, **arguments: Any) -> Any:
    """What a tool returns."""
    result = await session.call_tool(tool, arguments)
    assert not result.isError, result.content
    assert result.structuredContent is not None
    return result.structuredContent["result"]


async def test_a_stateless_server_lists_calls_and_remembers_by_affinity(stateless: Deployed) -> None:
    """Tools are listed and called; one client's calls share a sandbox, another client has its own."""
    async with connected(stateless) as (session, session_id):
        tools = (await session.list_tools()).tools
        assert [tool.name for tool in tools] == ["add", "multiply", "history", "count"]
        assert await value(session, "add", a=2, b=3) == 5
        assert await value(session, "multiply", a=2, b=3) == 6
        assert await value(session, "history") == [5, 6]
        async with connected(stateless) as (other, other_id):
            assert await value(other, "history") == []
            assert None not in {session_id(), other_id()}
            assert session_id() != other_id()
        assert await value(session, "history") == [5, 6]


async def test_progress_of_a_stateless_server_comes_before_the_result(stateless: Deployed) -> None:
    """Notifications travel on the stream of the call they belong to, each as it is made."""
    await counts_with_progress(stateless)


async def test_a_stateful_server_asks_its_client_in_the_middle_of_a_call(stateful: Deployed) -> None:
    """Elicitation: the server's question comes on the call's stream, the answer by another POST, which is a 202."""
    asked: list[str] = []

    async def limit(_context: Any, question: ElicitRequestParams) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action="accept", content={"limit": 10})

    async with connected(stateful, elicitation_callback=limit) as (session, session_id):
        assert await value(session, "add_within_limit", a=4, b=5) == "9"
        assert await value(session, "add_within_limit", a=6, b=5) == "More than 10."
        assert asked == ["What may 4 + 5 come to at most?", "What may 6 + 5 come to at most?"]
        assert await value(session, "history") == [9]
        assert session_id()


async def test_progress_of_a_stateful_server_comes_before_the_result(stateful: Deployed) -> None:
    """The same as from a stateless one."""
    await counts_with_progress(stateful)


async def counts_with_progress(server: Deployed) -> None:
    """Count to three; each step is known before the next is made."""
    steps: list[tuple[float, float | None, str | None]] = []

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total, message))

    async with connected(server) as (session, _):
        arguments = {"to": 3, "interval": 0.3}
        result = await session.call_tool("count", arguments, progress_callback=step)
    assert result.structuredContent == {"result": 3}
    assert steps == [(1, 3, "1 of 3"), (2, 3, "2 of 3"), (3, 3, "3 of 3")]


async def test_the_servers_own_session_id_is_passed_back(stateful: Deployed) -> None:
    """Initialized without an id, a stateful server makes one; it comes back as it is and leads to the same place."""
    async with connected(stateful) as (session, session_id):
        await value(session, "add", a=1, b=1)
        name = session_id()
    answer = stateful.aws.data.invoke_agent_runtime(
        agentRuntimeArn=stateful.arn,
        mcpSessionId=name,
        contentType="application/json",
        accept="application/json, text/event-stream",
        payload=b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "history"}}',
    )
    assert answer["mcpSessionId"] == name
    assert b'"structuredContent":{"result":[2.0]}' in answer["response"].read()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_only_post_is_answered(stateless: Deployed, method: str) -> None:
    """The platform opens no stream of its own and ends no session; the MCP specification lets it answer 405."""
    async with http_client(stateless.engine, {"Accept": "application/json, text/event-stream"}) as http:
        answer: httpx.Response = await http.request(method, stateless.invocations)
    assert answer.status_code == 405


async def test_a_client_that_accepts_no_events_is_refused(stateless: Deployed) -> None:
    """AWS answers 406 with its own JSON-RPC error before the container is asked."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with http_client(stateless.engine, {"Accept": "application/json"}) as http:
        answer = await http.post(stateless.invocations, json=call)
    assert answer.status_code == 406
    assert (answer.json()["id"], answer.json()["error"]["code"]) == (1, -32011)
