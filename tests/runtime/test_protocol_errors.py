"""Every row of AWS's error tables, in the form the clients of each protocol read (CONTRACT: sections 13.2 to 13.5)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.errors import (
    AccessDeniedException,
    AwsError,
    ConflictException,
    InternalServerException,
    ResourceNotFoundException,
    RetryableConflictException,
    RuntimeClientError,
    ServiceQuotaExceededException,
    ThrottlingException,
    UnauthorizedException,
    ValidationException,
)
from agentcore_lab.runtime.jsonrpc import RpcHead, head_of
from agentcore_lab.runtime.protocol_errors import enveloped
from agentcore_lab.sandbox.base import SandboxSpec
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.runtime.calls import JWT, Answer, invocations, send
from tests.runtime.test_control_plane import create
from tests.runtime.test_invocations import ready, scripted

BOTH = "application/json, text/event-stream"
CALL = json.dumps({"jsonrpc": "2.0", "id": "call-1", "method": "tools/call"}).encode()
PATHS = {"HTTP": "/invocations", "MCP": "/mcp", "A2A": "/", "AGUI": "/invocations"}
LONG = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "too-short"}


async def failing(_request: web.Request) -> web.Response:
    """An agent whose code fails."""
    return web.json_response({"error": "no such tool"}, status=500)


async def never(_request: web.Request) -> web.Response:
    """A warm-up that does not end."""
    await asyncio.Event().wait()
    return web.Response()


def runtime(aws: Clients, backend: ScriptedBackend, protocol: str, **more: Any) -> str:
    """A READY runtime of ``protocol`` whose agent answers everything with 500."""
    script = Script(answer=failing, posts={PATHS[protocol]: failing} if protocol in {"MCP", "A2A"} else {})
    uri = scripted(backend, script, protocol.lower())
    return ready(
        aws, uri, name=f"agent_{protocol.lower()}", protocolConfiguration={"serverProtocol": protocol}, **more
    )


def call(engine: RunningEngine, arn: str, query: str = "", **headers: str) -> Answer:
    """One call of a client that reads every form."""
    return send(engine.url, "POST", invocations(arn, query), CALL, {"Accept": BOTH, **headers})


@pytest.mark.parametrize(
    ("protocol", "status", "code", "message"),
    [
        ("MCP", 200, -32010, "Tool execution error - Please check your CloudWatch logs for more information"),
        ("A2A", 424, -32055, "Runtime client error - Please check your CloudWatch logs for more information"),
    ],
)
def test_a_failing_agent_is_a_json_rpc_error(
    aws: Clients,
    backend: ScriptedBackend,
    engine: RunningEngine,
    protocol: str,
    status: int,
    code: int,
    message: str,
) -> None:
    """AWS's message, the request's own id, and beside them what the container said."""
    answer = call(engine, runtime(aws, backend, protocol))
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json["error"]
    assert (answer.json["jsonrpc"], answer.json["id"]) == ("2.0", "call-1")
    assert (error["code"], error["message"]) == (code, message)
    assert error["data"]["detail"].startswith("Received error (500) from runtime.")
    assert "no such tool" in error["data"]["detail"]


def test_a_failing_ag_ui_agent_is_an_event(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """AG-UI clients read RUN_ERROR from the stream, and this one with status 200."""
    answer = call(engine, runtime(aws, backend, "AGUI"))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    event = json.loads(answer.body.removeprefix(b"data: "))
    assert (event["type"], event["code"]) == ("RUN_ERROR", "AGENT_ERROR")
    assert event["message"].startswith("Agent code failed during execution")
    assert "no such tool" in event["message"]
    assert answer.body.endswith(b"\n\n")
    assert answer.headers["x-amzn-requestid"]


def test_a_failing_http_agent_is_424(aws: Clients, backend: ScriptedBackend, engine: RunningEngine) -> None:
    """HTTP has AWS's own form."""
    answer = call(engine, runtime(aws, backend, "HTTP"))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (424, "RuntimeClientError")


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [("MCP", 200, -32006), ("A2A", 400, -32052), ("AGUI", 400, "VALIDATION_ERROR")],
)
def test_what_the_model_forbids(
    aws: Clients,
    backend: ScriptedBackend,
    engine: RunningEngine,
    protocol: str,
    status: int,
    code: int | str,
) -> None:
    """A session id of less than 33 characters."""
    answer = call(engine, runtime(aws, backend, protocol), **LONG)
    assert (answer.status, code_in(answer)) == (status, code)


@pytest.mark.parametrize(("protocol", "status", "code"), [("MCP", 200, -32004), ("A2A", 404, -32051)])
def test_an_unknown_endpoint(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine, protocol: str, status: int, code: int
) -> None:
    """A runtime that exists has a protocol, whatever the qualifier."""
    answer = call(engine, runtime(aws, backend, protocol), "?qualifier=nobody")
    assert (answer.status, code_in(answer)) == (status, code)


def test_an_unknown_runtime_has_no_protocol(engine: RunningEngine) -> None:
    """Its 404 is AWS's own."""
    nobody = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/nobody-0123456789"
    answer = call(engine, nobody)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("HTTP", 402, "ServiceQuotaExceededException"),
        ("MCP", 200, -32003),
        ("A2A", 429, -32053),
        ("AGUI", 429, "SERVICE_QUOTA_EXCEEDED"),
    ],
)
def test_one_session_too_many(
    settings: Settings,
    backend: ScriptedBackend,
    clock: FakeClock,
    protocol: str,
    status: int,
    code: int | str,
) -> None:
    """The quota of active sessions."""
    with engine_in_thread(replace(settings, max_sessions=1), backend, clock) as engine:
        arn = runtime(clients_of(engine.url), backend, protocol)
        call(engine, arn)
        answer = call(engine, arn)
    assert (answer.status, code_in(answer)) == (status, code)


class Breaking(ScriptedBackend):
    """A backend with a defect: sessions' sandboxes fail in a way nobody foresaw."""

    async def start(self, spec: SandboxSpec) -> None:
        """Prove versions, and fail sessions."""
        if "agentcore-lab.session" in spec.labels:
            raise RuntimeError("a defect of the engine")
        await super().start(spec)


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("HTTP", 500, "InternalServerException"),
        ("MCP", 200, -32603),
        ("A2A", 500, -32603),
        ("AGUI", 500, "INTERNAL_ERROR"),
    ],
)
def test_a_defect_of_the_engine(
    settings: Settings, clock: FakeClock, protocol: str, status: int, code: int | str
) -> None:
    """Nothing of a traceback reaches the caller, only where to look."""
    backend = Breaking()
    with engine_in_thread(settings, backend, clock) as engine:
        answer = call(engine, runtime(clients_of(engine.url), backend, protocol))
    assert (answer.status, code_in(answer)) == (status, code)
    assert b"a defect of the engine" not in answer.body


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("HTTP", 401, "UnauthorizedException"),
        ("MCP", 401, -32001),
        ("A2A", 401, "UnauthorizedException"),
        ("AGUI", 401, "UNAUTHORIZED"),
    ],
)
def test_a_runtime_that_takes_tokens_called_without_one(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine, protocol: str, status: int, code: int | str
) -> None:
    """AWS: 401, and where to learn who gives tokens (RFC 9728)."""
    arn = runtime(aws, backend, protocol, authorizerConfiguration={"customJWTAuthorizer": JWT})
    answer = call(engine, arn)
    assert (answer.status, code_in(answer)) == (status, code)
    assert backend.started == []
    scheme, where, scope = answer.headers["www-authenticate"].split('"', 2)
    assert (scheme, scope) == ("Bearer resource_metadata=", ', scope="read"')
    document = send(engine.url, "GET", where.removeprefix(engine.url))
    assert document.json == {
        "resource": engine.url + invocations(arn),
        "authorization_servers": ["https://idp.example.com/pool"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["read"],
    }


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [("HTTP", 403, "AccessDeniedException"), ("MCP", 403, -32002), ("AGUI", 403, "ACCESS_DENIED")],
)
def test_a_runtime_that_takes_signatures_called_with_a_token(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine, protocol: str, status: int, code: int | str
) -> None:
    """AWS: one or the other; a token is no signature."""
    answer = call(engine, runtime(aws, backend, protocol), Authorization="Bearer e30.e30.e30")
    assert (answer.status, code_in(answer)) == (status, code)
    assert "www-authenticate" not in answer.headers


def test_a_runtime_that_takes_signatures_has_no_document(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """There is nobody to get a token from."""
    path = f"{invocations(runtime(aws, backend, 'HTTP'))}/.well-known/oauth-protected-resource"
    assert send(engine.url, "GET", path).status == 404


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("HTTP", 429, "ThrottlingException"),
        ("MCP", 200, -32003),
        ("A2A", 429, -32053),
        ("AGUI", 429, "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_too_many_calls_a_second(
    settings: Settings,
    backend: ScriptedBackend,
    clock: FakeClock,
    protocol: str,
    status: int,
    code: int | str,
) -> None:
    """AWS: 1,000 a second; here one."""
    metered = replace(settings, quotas={**settings.quotas, "data_calls_per_second": 1})
    with engine_in_thread(metered, backend, clock) as engine:
        arn = runtime(clients_of(engine.url), backend, protocol)
        call(engine, arn)
        answer = call(engine, arn)
    assert (answer.status, code_in(answer)) == (status, code)


@pytest.mark.parametrize(
    ("protocol", "status", "code"),
    [
        ("HTTP", 409, "RetryableConflictException"),
        ("MCP", 200, -32005),
        ("A2A", 409, -32054),
        ("AGUI", 409, "SESSION_BUSY"),
    ],
)
def test_an_endpoint_that_is_being_created(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine, protocol: str, status: int, code: int | str
) -> None:
    """AWS: retry; nothing serves before its version has proved healthy."""
    hook = {"build": {"warmup": {"action": {"httpPost": {"path": "/warm"}}}}}
    uri = scripted(backend, Script(posts={"/warm": never}), "slow")
    arn = create(aws, uri=uri, protocolConfiguration={"serverProtocol": protocol}, hooksConfiguration=hook)[
        "agentRuntimeArn"
    ]
    answer = call(engine, arn)
    assert (answer.status, code_in(answer)) == (status, code)


ROWS: list[tuple[str, AwsError, int | None, int | str | None]] = [
    ("MCP", UnauthorizedException("no", "Bearer"), 401, -32001),
    ("A2A", UnauthorizedException("no", "Bearer"), None, None),
    ("AGUI", UnauthorizedException("no", "Bearer"), 401, "UNAUTHORIZED"),
    ("MCP", AccessDeniedException("no"), 403, -32002),
    ("MCP", ThrottlingException("no"), 200, -32003),
    ("MCP", ServiceQuotaExceededException("no"), 200, -32003),
    ("MCP", ResourceNotFoundException("no"), 200, -32004),
    ("MCP", ConflictException("no"), 200, -32005),
    ("MCP", RetryableConflictException("no"), 200, -32005),
    ("MCP", ValidationException("no"), 200, -32006),
    ("MCP", RuntimeClientError("no"), 200, -32010),
    ("MCP", InternalServerException("no"), 200, -32603),
    ("A2A", AccessDeniedException("no"), None, None),
    ("A2A", ResourceNotFoundException("no"), 404, -32051),
    ("A2A", ValidationException("no"), 400, -32052),
    ("A2A", ThrottlingException("no"), 429, -32053),
    ("A2A", ServiceQuotaExceededException("no"), 429, -32053),
    ("A2A", ConflictException("no"), 409, -32054),
    ("A2A", RetryableConflictException("no"), 409, -32054),
    ("A2A", RuntimeClientError("no"), 424, -32055),
    ("A2A", InternalServerException("no"), 500, -32603),
    ("AGUI", AccessDeniedException("no"), 403, "ACCESS_DENIED"),
    ("AGUI", ValidationException("no"), 400, "VALIDATION_ERROR"),
    ("AGUI", ThrottlingException("no"), 429, "RATE_LIMIT_EXCEEDED"),
    ("AGUI", RetryableConflictException("no"), 409, "SESSION_BUSY"),
    ("AGUI", ServiceQuotaExceededException("no"), 429, "SERVICE_QUOTA_EXCEEDED"),
    ("AGUI", RuntimeClientError("no"), 200, "AGENT_ERROR"),
    ("AGUI", InternalServerException("no"), 500, "INTERNAL_ERROR"),
    ("HTTP", RuntimeClientError("no"), None, None),
]


@pytest.mark.parametrize(("protocol", "error", "status", "code"), ROWS)
def test_every_row(protocol: str, error: AwsError, status: int | None, code: int | str | None) -> None:
    """AWS's tables; None is AWS's own form."""
    envelope = enveloped(protocol, error, RpcHead("tools/call", 1))
    if status is None:
        assert envelope is None
        return
    assert envelope is not None
    assert (envelope.status, code_of(envelope.body)) == (status, code)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (b'{"method": "initialize", "id": 0}', RpcHead("initialize", 0)),
        (b'{"method": "x", "id": "a"}', RpcHead("x", "a")),
        (b'{"method": "notifications/x"}', RpcHead("notifications/x", None)),
        (b'{"method": 3, "id": true}', RpcHead()),
        (b'[{"method": "initialize"}]', RpcHead()),
        (b'{"method": "init', RpcHead()),
        (b"\xff\xfe\xff", RpcHead()),
        (b"", RpcHead()),
    ],
)
def test_what_is_read_of_a_request(body: bytes, head: RpcHead) -> None:
    """A method and an id where there are some, nothing where there are none, never an error."""
    assert head_of(body) == head


def code_in(answer: Answer) -> int | str:
    """The error's code in whatever form it came."""
    if answer.headers["content-type"] == "application/json" and b"jsonrpc" not in answer.body:
        return answer.headers["x-amzn-errortype"]
    return code_of(answer.body)


def code_of(body: bytes) -> int | str:
    """The code in a JSON-RPC error or an AG-UI event."""
    found = json.loads(body.removeprefix(b"data: "))
    code: int | str = found["error"]["code"] if "error" in found else found["code"]
    return code
