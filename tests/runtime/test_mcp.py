"""MCP runtimes: which session a call belongs to, what its server is told, how errors reach its client."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import Script, ScriptedBackend
from tests.conftest import Clients
from tests.runtime.calls import Answer, invocations, send
from tests.runtime.test_invocations import ready, scripted

BOTH = "application/json, text/event-stream"
MCP = {"serverProtocol": "MCP"}


async def stateless(request: web.Request) -> web.Response:
    """A server that takes any session id and shows what it was sent."""
    call = await request.json()
    if "id" not in call:
        return web.Response(status=202)
    return web.json_response(
        {"jsonrpc": "2.0", "id": call["id"], "result": {"told": request.headers.get("Mcp-Session-Id")}}
    )


def stateful() -> Any:
    """A server that makes its own session ids and takes no others, as the official one does."""
    known: set[str] = set()

    async def serve(request: web.Request) -> web.Response:
        call = await request.json()
        told = request.headers.get("Mcp-Session-Id")
        if told is None:
            told = uuid.uuid4().hex
            known.add(told)
        elif told not in known:
            return web.json_response(
                {"jsonrpc": "2.0", "error": {"message": "Session not found"}}, status=404
            )
        return web.json_response(
            {"jsonrpc": "2.0", "id": call["id"], "result": {}}, headers={"Mcp-Session-Id": told}
        )

    return serve


def rpc(
    engine: RunningEngine, arn: str, method: str, headers: Mapping[str, str] | None = None, **call: Any
) -> Answer:
    """One JSON-RPC call, as an MCP client sends it."""
    body = {"jsonrpc": "2.0", "id": 7, "method": method, **call}
    sent = {"Accept": BOTH, "Content-Type": "application/json", **(headers or {})}
    return send(engine.url, "POST", invocations(arn), json.dumps(body).encode(), sent)


@pytest.fixture
def server(aws: Clients, backend: ScriptedBackend) -> str:
    """The ARN of a stateless MCP server."""
    return ready(aws, scripted(backend, Script(posts={"/mcp": stateless})), protocolConfiguration=MCP)


def test_a_client_without_an_id_is_given_one_that_leads_to_its_session(
    engine: RunningEngine, backend: ScriptedBackend, server: str
) -> None:
    """Stateless: the platform makes the id, tells the server and the client, and routes by it."""
    first = rpc(engine, server, "initialize")
    name = first.headers["mcp-session-id"]
    assert first.json["result"] == {"told": None}  # the server may want to make its own
    for _ in range(2):
        answer = rpc(engine, server, "tools/list", {"Mcp-Session-Id": name})
        assert answer.headers["mcp-session-id"] == name
        assert answer.json["result"] == {"told": name}
    assert len(backend.started) == 1


def test_a_call_without_an_id_meets_a_sandbox_of_its_own(
    engine: RunningEngine, backend: ScriptedBackend, server: str
) -> None:
    """AWS: without a consistent id every request may meet a new microVM; the server is told the new id."""
    told = {rpc(engine, server, "tools/list").json["result"]["told"] for _ in range(2)}
    assert len(told) == len(backend.started) == 2


def test_a_stateful_servers_own_id_leads_back_to_it(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """The id a server makes on initialize is another name of the session it was made in."""
    uri = scripted(backend, Script(posts={"/mcp": stateful()}))
    arn = ready(aws, uri, protocolConfiguration=MCP)
    name = rpc(engine, arn, "initialize").headers["mcp-session-id"]
    answer = rpc(engine, arn, "tools/list", {"Mcp-Session-Id": name})
    assert (answer.status, answer.json["result"]) == (200, {})
    assert len(backend.started) == 1


def test_the_session_header_of_agentcore_names_an_mcp_session_too(
    engine: RunningEngine, backend: ScriptedBackend, server: str
) -> None:
    """A client that knows AgentCore's header may use it instead."""
    session_id = str(uuid.uuid4())
    header = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": session_id}
    answer = rpc(engine, server, "tools/list", header)
    assert answer.headers["mcp-session-id"] == session_id
    assert backend.started[0].labels["agentcore-lab.session"] == session_id


def test_an_mcp_session_that_has_ended_is_404(aws: Clients, engine: RunningEngine, server: str) -> None:
    """The MCP specification: the client then initializes anew."""
    name = rpc(engine, server, "initialize").headers["mcp-session-id"]
    aws.data.stop_runtime_session(agentRuntimeArn=server, runtimeSessionId=name)
    answer = rpc(engine, server, "tools/list", {"Mcp-Session-Id": name})
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (404, -32004, 7)


def test_a_session_the_server_does_not_know_is_404(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """A stateful server's own 404 reaches its client, which can only then initialize anew."""
    arn = ready(aws, scripted(backend, Script(posts={"/mcp": stateful()})), protocolConfiguration=MCP)
    answer = rpc(engine, arn, "tools/list", {"Mcp-Session-Id": uuid.uuid4().hex})
    assert (answer.status, answer.json["error"]["code"]) == (404, -32004)


def test_a_notification_is_accepted_with_202(engine: RunningEngine, server: str) -> None:
    """What the server answers with 202 is no 200: clients tell the two apart."""
    body = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
    answer = send(engine.url, "POST", invocations(server), body, {"Accept": BOTH})
    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_other_methods_are_not_allowed(engine: RunningEngine, server: str, method: str) -> None:
    """The MCP specification lets a server answer 405 to a client that opens a stream or ends a session."""
    answer = send(engine.url, method, invocations(server), headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (405, "MethodNotAllowedException")


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html"])
def test_a_client_must_accept_both_forms(engine: RunningEngine, server: str, accept: str) -> None:
    """AWS: -32011 with HTTP 406."""
    answer = rpc(engine, server, "tools/list", {"Accept": accept})
    assert (answer.status, answer.json["error"]["code"]) == (406, -32011)
    assert answer.json["error"]["message"].startswith("Accept Header Error")
