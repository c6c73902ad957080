"""The WebSocket bridge as clients see it, on scripted agents: the websockets library and aiohttp as clients."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol
from yarl import URL

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.identity.issuer import running_issuer
from tests.patience import PATIENCE, eventually
from tests.runtime.test_authorization import deny
from tests.runtime.test_invocations import SESSION_HEADER, invoke, ready, scripted, sessions
from tests.signing import signed

CUSTOM = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-"
FRAME = 64 * 1024
Talk = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


def speaks(talk: Talk, **more: Any) -> Script:
    """A script whose /ws talks as ``talk`` does once the handshake is done."""

    async def websocket(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, autoclose=False, **more)
        await socket.prepare(request)
        await talk(socket, request)
        return socket

    return Script(gets={"/ws": websocket})


async def echoes(socket: web.WebSocketResponse, _request: web.Request) -> None:
    """Send back what comes, as what it came, until the client closes."""
    while True:
        message = await socket.receive()
        match message.type:
            case WSMsgType.TEXT:
                await socket.send_str(message.data)
            case WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            case WSMsgType.PING:
                await socket.pong(message.data)
            case _:
                await socket.close(code=message.data or 1000)
                return


class Heard:
    """What an agent got, kept for the test; it answers nothing but a close."""

    def __init__(self) -> None:
        self.messages: list[tuple[WSMsgType, Any, Any]] = []
        self.headers: dict[str, str] = {}
        self.path = ""

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.headers, self.path = dict(request.headers), request.path_qs
        while True:
            message = await socket.receive()
            self.messages.append((message.type, message.data, message.extra))
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG}:
                await socket.close(code=message.data or 1000)
                return

    @property
    def close_code(self) -> int | None:
        """The code of the close frame it got."""
        return next((data for kind, data, _ in self.messages if kind is WSMsgType.CLOSE), None)


def url_of(engine: RunningEngine, arn: str, **query: str) -> str:
    """The WebSocket URL of a runtime, as the SDK builds it."""
    base = engine.url.replace("http://", "ws://")
    return f"{base}/runtimes/{quote(arn, safe='')}/ws?{urlencode({'qualifier': 'DEFAULT', **query}, quote_via=quote)}"


@contextmanager
def opened(engine: RunningEngine, arn: str, **more: Any) -> Iterator[ClientConnection]:
    """A WebSocket of a new session that sends no pings of its own."""
    url = url_of(engine, arn, **more.pop("query", {}))
    headers = dict(more.pop("additional_headers", {}))
    bears = any("Bearer" in name for name in more.get("subprotocols", ()))
    if "Authorization" not in headers and not bears:
        headers = signed("GET", url, headers=headers)
    options = {"ping_interval": None, "compression": None, "additional_headers": headers, **more}
    with connect(url, **options) as socket:
        yield socket


def ended(socket: ClientConnection) -> tuple[int | None, str]:
    """The close code and reason a client gets, once everything before them is read."""
    try:
        while True:
            socket.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")


@pytest.fixture
def echo(aws: Clients, backend: ScriptedBackend) -> str:
    """The ARN of a runtime whose WebSocket echoes."""
    return ready(aws, scripted(backend, speaks(echoes)))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, FRAME])
def test_frames_cross_byte_for_byte(engine: RunningEngine, echo: str, size: int) -> None:
    """Text stays text and bytes stay bytes, to the largest frame AWS allows."""
    data = secrets.token_bytes(size)
    text = data.hex()[:size]
    with opened(engine, echo, max_size=None) as socket:
        socket.send(data)
        socket.send(text)
        assert [socket.recv(), socket.recv()] == [data, text]


def test_a_message_in_fragments_is_one_message(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """The limit is on frames: a message of several may be longer, and pings may come between them."""
    heard = Heard()
    parts = [secrets.token_hex(FRAME // 2) for _ in range(3)]

    def with_pings(socket: ClientConnection) -> Iterator[str]:
        for part in parts:
            yield part
            socket.ping(part[:8])

    with opened(engine, ready(aws, scripted(backend, speaks(heard)))) as socket:
        socket.send(with_pings(socket))
        eventually(lambda: len(heard.messages) == 4)
    pings = [(WSMsgType.PING, part[:8].encode()) for part in parts]
    assert [(kind, data) for kind, data, _ in heard.messages[:4]] == [
        *pings,
        (WSMsgType.TEXT, "".join(parts)),
    ]


def test_pings_cross_and_are_answered_by_the_other_end(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """A client's ping reaches the agent with its payload, and the agent's pong the client; and the other way."""
    heard = Heard()

    async def pings(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.ping(b"are you there")
        await heard(socket, request)

    with opened(engine, ready(aws, scripted(backend, speaks(pings)))) as socket:
        socket.ping(b"and you")
        eventually(lambda: len(heard.messages) == 2)
    kinds = {kind: bytes(data) for kind, data, _ in heard.messages[:2]}
    assert kinds == {WSMsgType.PONG: b"are you there", WSMsgType.PING: b"and you"}


def test_a_clients_close_reaches_the_agent(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """Code and reason cross, and the agent's answer comes back."""
    heard = Heard()
    with opened(engine, ready(aws, scripted(backend, speaks(heard)))) as socket:
        socket.close(4001, "enough")
        assert socket.close_code == 4001
    assert heard.messages == [(WSMsgType.CLOSE, 4001, "enough")]


def test_an_agents_close_reaches_the_client(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """Whatever code the agent closes with is the client's."""

    async def closes(socket: web.WebSocketResponse, _request: web.Request) -> None:
        await socket.send_str("last words")
        await socket.close(code=4002, message=b"no more")

    with opened(engine, ready(aws, scripted(backend, speaks(closes)))) as socket:
        assert socket.recv() == "last words"
        assert ended(socket) == (4002, "no more")


def test_a_client_that_vanishes_is_told_to_the_agent(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """A connection that is gone without a close becomes a close with 1001."""
    heard = Heard()
    with opened(engine, ready(aws, scripted(backend, speaks(heard)))) as socket:
        socket.send("hello")
        eventually(lambda: len(heard.messages) == 1)
        socket.socket.shutdown(SHUT_RDWR)
        eventually(lambda: heard.close_code == 1001)


def test_a_dead_container_is_an_agent_error(
    engine: RunningEngine, echo: str, backend: ScriptedBackend
) -> None:
    """The client is told 1011, and the session has crashed."""
    with opened(engine, echo) as socket:
        socket.send("alive")
        assert socket.recv() == "alive"
        backend.crash(backend.started[0].id, 137)
        code, reason = ended(socket)
    assert code == 1011
    assert "crashed" in reason
    assert sessions(engine)[0]["reason"] == "crashed"


def test_an_agent_that_breaks_off_is_an_agent_error(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """A connection the agent drops without a close is 1011, though the container lives."""

    async def drops(_socket: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()

    with opened(engine, ready(aws, scripted(backend, speaks(drops)))) as socket:
        assert ended(socket)[0] == 1011


def test_a_frame_that_is_too_large_closes_both_ends(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """AWS: a frame has at most 64 KB; one byte more is 1009, and the agent never sees it."""
    heard = Heard()
    with opened(engine, ready(aws, scripted(backend, speaks(heard)))) as socket:
        socket.send(bytes(FRAME + 1))
        assert ended(socket)[0] == 1009
    eventually(lambda: heard.close_code == 1009)
    assert len(heard.messages) == 1


def test_an_agents_frame_that_is_too_large(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """The limit holds for what an agent sends too."""

    async def shouts(socket: web.WebSocketResponse, _request: web.Request) -> None:
        await socket.send_bytes(bytes(FRAME + 1))
        await socket.receive()

    with opened(engine, ready(aws, scripted(backend, speaks(shouts)))) as socket:
        assert ended(socket)[0] == 1009


def test_more_than_250_frames_a_second(engine: RunningEngine, echo: str, clock: FakeClock) -> None:
    """250 in each second of the engine's clock pass; the next in the same second is 1008."""
    with opened(engine, echo) as socket:
        for _ in range(2):
            for number in range(250):
                socket.send(str(number))
            assert [socket.recv() for _ in range(250)] == [str(number) for number in range(250)]
            clock.advance(timedelta(seconds=1))
        for number in range(251):
            socket.send(str(number))
        code, reason = ended(socket)
    assert (code, reason) == (1008, "More than 250 frames a second.")


def test_a_websocket_is_open_for_an_hour(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """However busy it is, it ends after 60 minutes; the session goes on."""
    lifecycle = {"idleRuntimeSessionTimeout": 28_800}
    arn = ready(aws, scripted(backend, speaks(echoes)), lifecycleConfiguration=lifecycle)
    with opened(engine, arn) as socket:
        clock.advance(timedelta(minutes=59))
        socket.send("still here")
        assert socket.recv() == "still here"
        clock.advance(timedelta(minutes=1))
        assert ended(socket) == (1001, "It has been open for as long as a WebSocket may be.")
    assert sessions(engine)[0]["state"] == "Idle"


def test_traffic_makes_a_session_active_and_silence_idle(
    engine: RunningEngine, echo: str, clock: FakeClock
) -> None:
    """AWS: an open WebSocket's traffic counts as active, and a ping is traffic."""

    def state() -> str:
        return str(sessions(engine)[0]["state"])

    with opened(engine, echo) as socket:
        assert state() == "Idle"
        for _ in range(2):
            assert socket.ping().wait(60)
            eventually(lambda: state() == "Active")
            clock.advance(timedelta(seconds=2))
            eventually(lambda: state() == "Idle")


def test_a_silent_websocket_does_not_keep_its_session(
    engine: RunningEngine, echo: str, clock: FakeClock
) -> None:
    """Each message restarts the idle time-out; once it has passed the session ends and the client is told 1001."""
    with opened(engine, echo) as socket:
        for _ in range(3):
            clock.advance(timedelta(seconds=890))
            socket.send("hello")
            assert socket.recv() == "hello"
        clock.advance(timedelta(seconds=900))
        code, reason = ended(socket)
    assert code == 1001
    assert reason.startswith("The session ended: idle.")
    assert sessions(engine)[0]["reason"] == "idle"


def test_stop_runtime_session_closes_its_websockets(engine: RunningEngine, echo: str, aws: Clients) -> None:
    """All of them, with 1001."""
    session_id = str(uuid.uuid4())
    with (
        opened(engine, echo, query={SESSION_HEADER: session_id}) as one,
        opened(engine, echo, query={SESSION_HEADER: session_id}) as two,
    ):
        aws.data.stop_runtime_session(agentRuntimeArn=echo, runtimeSessionId=session_id)
        assert ended(one)[0] == ended(two)[0] == 1001


def test_a_websocket_ends_with_its_session_and_not_with_the_container(
    engine: RunningEngine, echo: str, aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may take its time to go: its client is told at once, and why."""
    session_id, may_go, stop = str(uuid.uuid4()), threading.Event(), ScriptedBackend.stop

    async def slow(self: ScriptedBackend, sandbox_id: str, grace: float) -> None:
        while not may_go.is_set():  # noqa: ASYNC110 - set in another thread
            await asyncio.sleep(0.01)
        await stop(self, sandbox_id, grace)

    with opened(engine, echo, query={SESSION_HEADER: session_id}) as socket, ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(ScriptedBackend, "stop", slow)
        stopping = pool.submit(
            aws.data.stop_runtime_session, agentRuntimeArn=echo, runtimeSessionId=session_id
        )
        try:
            code, reason = ended(socket)
            assert not stopping.done()
        finally:
            may_go.set()
        stopping.result()
    assert (code, reason.partition(":")[0]) == (1001, "The session ended")


def test_an_engine_that_ends_closes_websockets(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """It does not wait for clients that would stay."""
    uri = scripted(backend, speaks(echoes))
    with ExitStack() as clients, engine_in_thread(settings, backend, clock) as engine:
        socket = clients.enter_context(opened(engine, ready(clients_of(engine.url), uri)))
    assert ended(socket) == (1001, "The engine ends.")
    assert backend.running == {}


def test_the_session_is_the_one_that_is_named(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """By header, by query parameter, or generated; the answer to the handshake says which, and the agent knows it."""
    heard = Heard()
    arn = ready(aws, scripted(backend, speaks(heard)))
    by_header, by_query = str(uuid.uuid4()), str(uuid.uuid4())
    ways: list[tuple[dict[str, Any], str | None]] = [
        ({"additional_headers": {SESSION_HEADER: by_header}}, by_header),
        ({"query": {SESSION_HEADER: by_query}}, by_query),
        ({}, None),
    ]
    for more, wanted in ways:
        with opened(engine, arn, **more) as socket:
            assert socket.response is not None
            told = socket.response.headers[SESSION_HEADER]
        assert wanted in {told, None}
        assert heard.headers[SESSION_HEADER] == told
    assert len({session["sessionId"] for session in sessions(engine)}) == 3
    invoke(aws, arn, runtimeSessionId=by_query)
    assert len(backend.started) == 3


def test_headers_and_query_by_the_rules_of_an_invocation(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """Custom headers may be query parameters; a presigned URL's own, and headers nobody allowed, are not passed on."""
    heard = Heard()
    arn = ready(
        aws,
        scripted(backend, speaks(heard)),
        requestHeaderConfiguration={"requestHeaderAllowlist": ["X-Tenant"]},
    )
    query = {f"{CUSTOM}Language": "de", "X-Amz-Signature": "abc", "X-Amz-Credential": "test/20260101"}
    headers = {"X-Tenant": "one", "X-Other": "two", f"{CUSTOM}Plan": "gold", "Cookie": "a=b"}
    with opened(engine, arn, query=query, additional_headers=headers):
        pass
    assert heard.path == "/ws"
    assert {name: heard.headers.get(name) for name in ("X-Tenant", f"{CUSTOM}Plan", f"{CUSTOM}Language")} == {
        "X-Tenant": "one",
        f"{CUSTOM}Plan": "gold",
        f"{CUSTOM}Language": "de",
    }
    assert not {"X-Other", "Cookie", "Origin", "Sec-WebSocket-Extensions"} & set(heard.headers)
    assert "X-Amz-Signature" not in json.dumps(heard.headers)


def test_a_browsers_token_comes_as_a_subprotocol(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """The plain one of the two is chosen; the token is an Authorization header from there on."""
    heard = Heard()
    with running_issuer() as issuer:
        authorizer = {"customJWTAuthorizer": issuer.authorizer()}
        arn = ready(aws, scripted(backend, speaks(heard)), authorizerConfiguration=authorizer)
        token = urlsafe_b64encode(issuer.token().encode()).decode().rstrip("=")
        names = [f"base64UrlBearerAuthorization.{token}", "base64UrlBearerAuthorization"]
        with opened(engine, arn, subprotocols=[Subprotocol(name) for name in names]) as socket:
            assert socket.subprotocol == "base64UrlBearerAuthorization"
    assert not {"Authorization", "Sec-WebSocket-Protocol"} & set(heard.headers)


def test_other_subprotocols_are_the_agents(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """What a client offers beside the token the agent chooses from."""
    arn = ready(aws, scripted(backend, speaks(Heard(), protocols=["two"])))
    with opened(engine, arn, subprotocols=[Subprotocol("one"), Subprotocol("two")]) as socket:
        assert socket.subprotocol == "two"


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        ({"query": {SESSION_HEADER: "short"}}, 400, "33 to 256 characters"),
        ({"query": {"qualifier": "nobody"}}, 404, "nobody"),
        ({"query": {f"{CUSTOM}Bad": "a\r\nX-Evil: b"}}, 400, "no header may have"),
        ({"query": {SESSION_HEADER: "a" * 40 + "\n"}}, 400, "no header may have"),
        (
            {"subprotocols": [Subprotocol("base64UrlBearerAuthorization.!!!!")]},
            400,
            "no token",
        ),
    ],
    ids=["session id", "qualifier", "header", "session id with a line", "token"],
)
def test_what_is_wrong_is_told_before_the_upgrade(
    engine: RunningEngine, echo: str, more: dict[str, Any], status: int, message: str
) -> None:
    """AWS's errors with their status, as for an invocation."""
    assert message in refused(engine, echo, status, **more)


def refused(engine: RunningEngine, arn: str, status: int, **more: Any) -> str:
    """The message of the answer that was no upgrade."""
    with pytest.raises(InvalidStatus) as refusal, opened(engine, arn, **more):
        pass
    response = refusal.value.response
    assert response.status_code == status
    assert response.headers["x-amzn-RequestId"]
    return str(json.loads(response.body)["message"])


def test_policies_have_their_say_before_the_upgrade(
    engine: RunningEngine, echo: str, aws: Clients, backend: ScriptedBackend
) -> None:
    """AWS: a WebSocket has an action of its own, and one more when it is opened for a user."""
    action = "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream"
    deny(aws, echo, f"{action}ForUser")
    with opened(engine, echo):
        pass
    user = {"X-Amzn-Bedrock-AgentCore-Runtime-User-Id": "ada"}
    assert f"{action}ForUser" in refused(engine, echo, 403, additional_headers=user)
    deny(aws, echo, action)
    assert f"perform: {action} on" in refused(engine, echo, 403)
    assert len(backend.started) == 1


@pytest.mark.parametrize("protocol", ["MCP", "A2A"])
def test_protocols_without_a_websocket(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend, protocol: str
) -> None:
    """MCP servers and A2A agents have none, and no session is started to find that out."""
    arn = ready(aws, HELLO, protocolConfiguration={"serverProtocol": protocol})
    assert f"speaks {protocol}" in refused(engine, arn, 400)
    assert backend.started == []


def test_an_agent_without_a_websocket(engine: RunningEngine, aws: Clients) -> None:
    """The container's answer, whatever it is, is a RuntimeClientError."""
    assert "Received error (404) from runtime" in refused(engine, ready(aws), 424)


def test_an_agent_that_does_not_start(engine: RunningEngine, aws: Clients, backend: ScriptedBackend) -> None:
    """The handshake fails as an invocation would."""
    script = Script(exits=3, log=("no such module",), proof=Script())
    message = refused(engine, ready(aws, scripted(backend, script)), 424)
    assert message.startswith("Runtime initialization time exceeded")
    assert "no such module" in message


async def test_no_upgrade_is_asked_for(engine: RunningEngine, echo: str) -> None:
    """A plain GET of the path says what is wrong with it."""
    url = url_of(engine, echo).replace("ws://", "http://")
    async with (
        aiohttp.ClientSession() as http,
        http.get(URL(url, encoded=True), headers=signed("GET", url)) as answer,
    ):
        assert answer.status == 400
        assert "is a WebSocket" in (await answer.json())["message"]


async def test_compression_is_not_agreed_upon(engine: RunningEngine, echo: str) -> None:
    """A client that offers it gets frames that are what was sent, with aiohttp as the client."""
    url = url_of(engine, echo)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(URL(url, encoded=True), compress=15, headers=signed("GET", url)) as socket,
    ):
        assert socket.compress == 0
        await socket.send_str("a" * 60_000)
        assert await socket.receive_str() == "a" * 60_000
        await socket.close(code=4003)
        assert socket.close_code == 4003


async def test_a_client_that_does_not_read_holds_the_agent_back(
    engine: RunningEngine, aws: Clients, backend: ScriptedBackend
) -> None:
    """The engine keeps no more than it is about to pass on: an agent's 200 MB wait in the agent."""
    sent: list[int] = []

    async def floods(socket: web.WebSocketResponse, _request: web.Request) -> None:
        for number in range(3_200):
            await socket.send_bytes(number.to_bytes(4) + bytes(FRAME - 4))
            sent.append(number)
        await socket.close()

    arn = ready(aws, scripted(backend, speaks(floods)))
    url = url_of(engine, arn)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(URL(url, encoded=True), headers=signed("GET", url)) as socket,
    ):
        before = -1
        while before != len(sent):
            before = len(sent)
            await asyncio.sleep(0.5)
        assert before * FRAME < 60_000_000
        for number in range(3_200):
            assert int.from_bytes((await socket.receive_bytes())[:4]) == number
